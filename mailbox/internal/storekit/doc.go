// Package storekit holds code that every mail store needs: [Intake] reads and
// parses a message that is appended, within the limits; [Queue] merges events
// for a slow reader; [Fold] returns the keys of keywords.
package storekit
