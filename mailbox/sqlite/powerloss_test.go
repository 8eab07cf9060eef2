package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	faultPoints = flag.Int("faults.points", 0, "how many power losses to simulate (if zero, as many as take some seconds)")
	faultSeed   = flag.Uint64("faults.seed", 1, "of the workloads, and of what fails")
	faultReplay = flag.String("faults.replay", "", "folder of a recording that a failure of TestPowerLoss has kept")
)

// pointsOfRecording is how many power losses are tried with one recording.
const pointsOfRecording = 500

// A power loss at any moment loses nothing that was acknowledged, and leaves
// nothing by half: at points of a recorded workload the disk is simulated, with
// some of what was not synced, and a store opened on it.
func TestPowerLoss(t *testing.T) {
	points := *faultPoints
	if points == 0 {
		points = 300
		if testing.Short() {
			points = 60
		}
	}
	honest := func(string) bool { return false }
	if *faultReplay != "" {
		losses := losePower(t, readRecording(t, *faultReplay), *faultSeed, points, honest)
		require.Empty(t, losses)
		return
	}
	needStrace(t)
	recordings, calls := 0, 0
	for left := points; left > 0; left -= pointsOfRecording {
		seed := *faultSeed + uint64(recordings)
		n := min(left, pointsOfRecording)
		w := busyWorkload(t, seed)
		rec := record(t, w)
		if losses := losePower(t, rec, seed, n, honest); len(losses) > 0 {
			t.Fatalf("%d of %d power losses have lost something. %s The first:\n%s", len(losses), n, keepRecording(w, seed, n), losses[0])
		}
		recordings++
		calls += len(rec.calls)
	}
	t.Logf("%d power losses during %d workloads of %d calls, none of which has lost anything", points, recordings, calls)
}

// The control: with disks that do not sync what they say they have synced, the
// same check finds losses.
func TestPowerLossControl(t *testing.T) {
	needStrace(t)
	points := 60
	if testing.Short() {
		points = 20
	}
	rec := record(t, busyWorkload(t, *faultSeed))
	for _, control := range []struct {
		what string
		lies func(file string) bool
	}{
		{"nothing", func(string) bool { return true }},
		{"no log", func(file string) bool { return file == "mail.db-wal" }},
		{"no database", func(file string) bool { return file == "mail.db" }},
		{"no folder", func(file string) bool { return file == "" }},
	} {
		t.Run(control.what+" is synced", func(t *testing.T) {
			losses := losePower(t, rec, *faultSeed, points, control.lies)
			t.Logf("%d of %d power losses have lost something", len(losses), points)
			require.NotEmpty(t, losses)
		})
	}
}

// busyWorkload returns a workload of several sessions, whose changes share commits.
func busyWorkload(t testing.TB, seed uint64) workload {
	w := workload{Dir: t.TempDir(), Seed: seed, Sessions: 3, Rounds: 4, Steps: 25}
	if testing.Short() {
		w.Rounds, w.Steps = 2, 12
	}
	return w
}

// keepRecording moves a recording to where the end of the test does not delete it,
// and says how it can be used again.
func keepRecording(w workload, seed uint64, points int) string {
	dir, err := os.MkdirTemp("", "powerloss")
	for _, path := range []string{w.outcomes(), filepath.Join(w.Dir, "strace")} {
		if err == nil {
			err = os.Rename(path, filepath.Join(dir, filepath.Base(path)))
		}
	}
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("To repeat: go test -run 'TestPowerLoss$' -faults.replay %s -faults.seed %d -faults.points %d", dir, seed, points)
}

// losePower simulates power losses at random points of a recording, and returns what
// each that has lost something has lost.
func losePower(t testing.TB, rec *recording, seed uint64, points int, lies func(string) bool) (losses []error) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	at := make([]int, points) // how many calls come before
	for i := range at {
		at[i] = rec.from + rng.IntN(rec.to-rec.from+1)
	}
	slices.Sort(at)

	type trial struct {
		point    int
		files    map[string][]byte
		promises []promise
	}
	trials := make(chan trial)
	found := make([]error, points)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		wg.Go(func() {
			for tr := range trials {
				sub := filepath.Join(dir, fmt.Sprint(tr.point))
				err := os.Mkdir(sub, 0o700)
				if err == nil {
					err = writeFiles(sub, tr.files)
				}
				if err == nil {
					err = recoverStore(sub, tr.promises)
				}
				if err != nil {
					found[tr.point] = fmt.Errorf("point %d, after %d of %d calls: %w", tr.point, at[tr.point], len(rec.calls), err)
				}
				os.RemoveAll(sub)
			}
		})
	}
	d := newDisk(lies)
	steps := newProgress(rec)
	done := 0
	for i, k := range at {
		for ; done < k; done++ {
			d.apply(done, &rec.calls[done])
			steps.apply(&rec.calls[done])
		}
		trials <- trial{i, d.image(rng), steps.promises()}
	}
	close(trials)
	wg.Wait()
	return slices.DeleteFunc(found, func(err error) bool { return err == nil })
}
