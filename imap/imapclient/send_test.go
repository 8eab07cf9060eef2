package imapclient_test

import "testing"

// TestSuiteSend is the part of the suite about what is stored and what is watched.
func TestSuiteSend(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		for _, x := range []struct {
			name string
			run  func(t *testing.T, s *site)
		}{
			{"append", testAppend}, {"append fails", testAppendFails}, {"append binary", testAppendBinary},
			{"append in a loop", testAppendLoop}, {"append many", testAppendSeq},
			{"move", testMove}, {"replace", testReplace}, {"catenate", testCatenate}, {"conflicts", testConflicts},
			{"watch all", testWatchAll}, {"poll", testPoll}, {"progress", testProgress},
		} {
			t.Run(x.name, func(t *testing.T) { x.run(t, s) })
		}
	})
}
