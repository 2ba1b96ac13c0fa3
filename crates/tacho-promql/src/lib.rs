//! PromQL: the parser, and what it says in the model's words.
