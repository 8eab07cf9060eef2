package imapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func snapshotOf(next mailbox.UID, uids ...mailbox.UID) mailbox.Snapshot {
	return mailbox.Snapshot{UIDs: mailbox.UIDSetOf(uids...), State: mailbox.State{UIDNext: next, ModSeq: 1}}
}

func TestViewLookup(t *testing.T) {
	v := newView(snapshotOf(20, 1, 2, 3, 7, 9, 10, 15))
	require.EqualValues(t, 7, v.len())
	require.EqualValues(t, 15, v.lastUID())
	for seq, uid := range map[uint32]mailbox.UID{0: 0, 1: 1, 3: 3, 4: 7, 5: 9, 6: 10, 7: 15, 8: 0, 1 << 31: 0} {
		require.Equal(t, uid, v.uid(seq), "uid of %d", seq)
	}
	for uid, seq := range map[mailbox.UID]uint32{0: 0, 1: 1, 3: 3, 4: 0, 7: 4, 8: 0, 15: 7, 16: 0, mailbox.MaxUID: 0} {
		require.Equal(t, seq, v.seq(uid), "seq of %d", uid)
	}
	require.EqualValues(t, 3, v.count(3, 9))
	require.EqualValues(t, 7, v.count(1, mailbox.MaxUID))
	require.EqualValues(t, 0, v.count(4, 6))
	require.Equal(t, "2:3,7", v.known(mailbox.UIDRangeSet(2, 8)).String())
	require.Equal(t, "2:5", v.seqs(mailbox.UIDSetOf(2, 3, 4, 5, 7, 9)).String())
	require.Equal(t, "1,6:7", v.seqs(mailbox.UIDSetOf(1, 10, 15, 16)).String())
	require.Equal(t, "2:19", v.clip(mailbox.UIDRangeSet(2, 90)).String())

	empty := newView(snapshotOf(1))
	require.Zero(t, empty.len())
	require.Zero(t, empty.uid(1))
	require.Zero(t, empty.seq(1))
	require.True(t, empty.clip(mailbox.AllUIDs()).IsEmpty())
}

func TestViewExpunges(t *testing.T) {
	// RFC 3501 §6.4.3: messages 3, 4, 7 and 11 are deleted.
	v := newView(mailbox.Snapshot{UIDs: mailbox.UIDRangeSet(101, 111), State: mailbox.State{UIDNext: 112, ModSeq: 1}})
	var n news
	v.apply(mailbox.Changes{Vanished: mailbox.UIDSetOf(103, 104, 107, 111, 112, 5), State: mailbox.State{UIDNext: 113, ModSeq: 2}}, &n)
	require.Zero(t, n.first)
	require.EqualValues(t, 11, v.len(), "expunged messages keep their numbers until they are announced")
	require.EqualValues(t, 107, v.uid(7))

	var seqs []uint32
	gone := v.takeExpunges(func(seq uint32, _ mailbox.UID) { seqs = append(seqs, seq) })
	require.Equal(t, []uint32{3, 3, 5, 8}, seqs)
	require.Equal(t, "103:104,107,111", gone.String())
	require.EqualValues(t, 7, v.len())
	require.EqualValues(t, 105, v.uid(3))
	require.EqualValues(t, 110, v.uid(7))
}

// A modelBox is a mailbox whose whole history is remembered.
type modelBox struct {
	next   mailbox.UID
	modSeq mailbox.ModSeq
	live   map[mailbox.UID]mailbox.ModSeq
	dead   map[mailbox.UID]mailbox.ModSeq
}

func (b *modelBox) change(rnd *rand.Rand) {
	b.modSeq++
	var uids []mailbox.UID
	for uid := range b.live {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	switch k := rnd.IntN(10); {
	case k < 4 || len(uids) == 0:
		b.next += mailbox.UID(rnd.IntN(3)) // UIDs may be left out
		for range 1 + rnd.IntN(3) {
			b.live[b.next] = b.modSeq
			b.next++
		}
	case k < 6:
		b.live[uids[rnd.IntN(len(uids))]] = b.modSeq
	default:
		for range 1 + rnd.IntN(3) {
			uid := uids[rnd.IntN(len(uids))]
			delete(b.live, uid)
			b.dead[uid] = b.modSeq
		}
	}
}

func (b *modelBox) changes(since mailbox.State, forgetful bool) mailbox.Changes {
	ch := mailbox.Changes{State: mailbox.State{UIDNext: b.next, ModSeq: b.modSeq}}
	for uid := mailbox.UID(1); uid < b.next; uid++ {
		switch _, ok := b.live[uid]; {
		case ok && uid >= since.UIDNext:
			ch.New.Add(uid)
		case b.live[uid] > since.ModSeq:
			ch.Changed.Add(uid)
		}
		if _, ok := b.live[uid]; !ok && (forgetful || b.dead[uid] > since.ModSeq) {
			ch.Vanished.Add(uid)
		}
	}
	return ch
}

// TestViewModel plays random histories. Beside each view there is a client
// that knows only what it was told, and keeps the list of its messages from
// EXISTS and EXPUNGE alone, as real ones do.
func TestViewModel(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		box := &modelBox{next: 1, modSeq: 1, live: map[mailbox.UID]mailbox.ModSeq{}, dead: map[mailbox.UID]mailbox.ModSeq{}}
		for range rnd.IntN(20) {
			box.change(rnd)
		}
		type session struct {
			view   *view
			client []mailbox.UID // by sequence number; as the server would answer UID FETCH
		}
		var sessions []*session
		for range 4 {
			var snap mailbox.Snapshot
			for uid := range box.next {
				if _, ok := box.live[uid]; ok {
					snap.UIDs.Add(uid)
				}
			}
			snap.State = mailbox.State{UIDNext: box.next, ModSeq: box.modSeq}
			s := &session{view: newView(snap)}
			s.client = slices.Collect(snap.UIDs.All())
			sessions = append(sessions, s)
			for range rnd.IntN(5) {
				box.change(rnd)
			}
		}
		for step := range 150 {
			box.change(rnd)
			s := sessions[rnd.IntN(len(sessions))]
			var n news
			for range 1 + rnd.IntN(3) { // before the client is told
				s.view.apply(box.changes(s.view.state, rnd.IntN(4) == 0), &n)
				box.change(rnd)
			}
			for uid := range n.changed.All() {
				require.NotZero(t, s.view.seq(uid), "a change is told of a message that the client knows")
			}
			if rnd.IntN(2) == 0 {
				s.view.takeExpunges(func(seq uint32, uid mailbox.UID) {
					require.Equal(t, uid, s.client[seq-1], "EXPUNGE names another message")
					s.client = slices.Delete(s.client, int(seq-1), int(seq))
				})
			}
			// EXISTS: new messages join the end; the client asks for their UIDs.
			require.GreaterOrEqual(t, int(s.view.len()), len(s.client), "EXISTS never shrinks")
			for seq := uint32(len(s.client)) + 1; seq <= s.view.len(); seq++ {
				s.client = append(s.client, s.view.uid(seq))
			}
			msg := fmt.Sprintf("seed %d step %d", seed, step)
			require.True(t, slices.IsSorted(s.client), msg)
			for i, uid := range s.client {
				require.Equal(t, uid, s.view.uid(uint32(i+1)), msg)
				require.EqualValues(t, i+1, s.view.seq(uid), msg)
				require.EqualValues(t, i, s.view.rank(uid), msg)
			}
			for uid := range box.live {
				if uid < s.view.state.UIDNext {
					require.NotZero(t, s.view.seq(uid), msg)
				}
			}
		}
		for _, s := range sessions {
			s.view.apply(box.changes(s.view.state, false), &news{})
			s.view.takeExpunges(func(uint32, mailbox.UID) {})
			require.EqualValues(t, len(box.live), s.view.len())
			for uid := range box.live {
				require.NotZero(t, s.view.seq(uid))
			}
		}
	}
}

func BenchmarkViewLookup(b *testing.B) {
	// A million messages with every third UID missing: the worst that a view
	// may be asked to hold.
	var snap mailbox.Snapshot
	for i := mailbox.UID(1); i <= 1_500_000; i++ {
		if i%3 != 0 {
			snap.UIDs.Add(i)
		}
	}
	snap.State.UIDNext = 1_500_001
	v := newView(snap)
	require.EqualValues(b, 1_000_000, v.len())
	b.ReportAllocs()
	seq := uint32(1)
	for b.Loop() {
		seq = seq*1664525 + 1013904223
		s := seq%1_000_000 + 1
		if v.seq(v.uid(s)) != s {
			b.Fatal("lookup")
		}
	}
}
