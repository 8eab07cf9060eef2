//go:build race

package textproto

const raceEnabled = true
