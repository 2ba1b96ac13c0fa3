//! Is this value unusual? Detectors whose false alarms can be counted beforehand.
