//go:build race

package imapclient_test

// underRace says that the race detector is on, under which all takes ten times as long.
const underRace = true
