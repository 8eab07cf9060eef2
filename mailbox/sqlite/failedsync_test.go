package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// When a sync has failed, what it should have written is not synced by a later one:
// Linux has forgotten it. A power loss after that loses nothing that was
// acknowledged, before the failure or later.
func TestPowerLossAfterFailedSync(t *testing.T) {
	eachSync(t, func(t testing.TB, w workload, n int) *recording {
		rec := record(t, w, failSync(n)...)
		for i, c := range rec.calls {
			if c.kind == callFailedSync {
				rec.from, rec.to = i, min(i+200, len(rec.calls))
			}
		}
		return rec
	})
}

// So it is if the process ends after the failure, and another opens the store.
func TestPowerLossAfterFailedSyncAndRestart(t *testing.T) {
	eachSync(t, func(t testing.TB, w workload, n int) *recording {
		w.StopAtError = true
		rec := record(t, w, failSync(n)...)
		w.StopAtError, w.First, w.Steps = false, 1, 5
		rec.from = len(rec.calls)
		rec.then(record(t, w))
		return rec
	})
}

// failSync returns the arguments of strace by which the n-th sync of each thread
// fails.
func failSync(n int) []string {
	return []string{"-e", fmt.Sprintf("inject=fsync:error=EIO:when=%d", n)}
}

// eachSync simulates power losses in recordings of workloads in which the n-th sync
// fails.
func eachSync(t *testing.T, recordFailure func(t testing.TB, w workload, n int) *recording) {
	needStrace(t)
	left := *faultPoints
	if left == 0 {
		left = 150
		if testing.Short() {
			left = 25
		}
	}
	w := workload{Seed: *faultSeed, Sessions: 1, Rounds: 1, Steps: 60}
	if testing.Short() {
		w.Steps = 25
	}
	const pointsOfFault = 25
	faults := 0
	for ; left > 0; w.Seed++ {
		w.Dir = t.TempDir()
		good := record(t, w)
		for _, n := range rand.New(rand.NewPCG(w.Seed, 0)).Perm(good.countCalls()["fsync"]) {
			if left -= pointsOfFault; left < 0 {
				break
			}
			w.Dir = t.TempDir()
			rec := recordFailure(t, w, 1+n)
			rec.wanted = good.outcomes[0]
			losses := losePower(t, rec, w.Seed, pointsOfFault, func(string) bool { return false })
			if len(losses) > 0 {
				t.Errorf("seed %d, sync %d has failed: %d of %d power losses have lost something. The first:\n%s",
					w.Seed, 1+n, len(losses), pointsOfFault, losses[0])
			}
			faults++
		}
	}
	t.Logf("%d power losses after %d syncs that have failed", faults*pointsOfFault, faults)
}
