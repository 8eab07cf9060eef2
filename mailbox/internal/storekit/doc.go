// Package storekit holds what every mail store needs, once: [Intake] reads and
// parses a message that is appended, within the limits; [Queue] merges events
// for a slow reader; [Fold] makes keys of keywords.
package storekit
