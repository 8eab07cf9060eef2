//go:build !race

package imapclient_test

const underRace = false
