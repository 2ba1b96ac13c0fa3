//! Baselines, verdicts and alert rules, as pure functions and state machines.
