//! Labels, series, samples, native histograms, time, units and matchers; the traits that read and write them.
