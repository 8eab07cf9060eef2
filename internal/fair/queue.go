// Package fair divides what many want between those who want it: who asks for much
// waits behind itself, and not before the others.
package fair

// A Queue holds items of several keys. Pop takes them in rounds, one of each key
// that has some, so that a key with many items delays the items of another by one.
// All methods cost the same, however much is queued. The zero value is empty.
//
// A Queue is not safe for concurrent use.
type Queue[K comparable, T any] struct {
	lines map[K]*line[K, T] // of the keys that have items or are stopped
	ready list[line[K, T]]  // of them, those that Pop takes from, next first
	n     int
}

// A line has the items of a key.
type line[K comparable, T any] struct {
	key     K
	items   list[Item[K, T]]
	stopped bool
	links   links[line[K, T]]
}

// An Item is a value in a Queue.
type Item[K comparable, T any] struct {
	Key   K
	Value T
	line  *line[K, T] // nil: it has left the queue
	links links[Item[K, T]]
}

func (l *line[K, T]) at() *links[line[K, T]]  { return &l.links }
func (it *Item[K, T]) at() *links[Item[K, T]] { return &it.links }

// Len returns how many items are queued.
func (q *Queue[K, T]) Len() int { return q.n }

// LenOf returns how many items of a key are queued.
func (q *Queue[K, T]) LenOf(key K) int {
	if l := q.lines[key]; l != nil {
		return l.items.n
	}
	return 0
}

// Push adds an item behind those of its key.
func (q *Queue[K, T]) Push(key K, v T) *Item[K, T] {
	l := q.line(key)
	it := &Item[K, T]{Key: key, Value: v, line: l}
	pushBack(&l.items, it)
	q.n++
	if l.items.n == 1 && !l.stopped {
		pushBack(&q.ready, l)
	}
	return it
}

// Peek returns the item that Pop would, nil if there is none.
func (q *Queue[K, T]) Peek() *Item[K, T] {
	if q.ready.first == nil {
		return nil
	}
	return q.ready.first.items.first
}

// Pop removes the next item and returns it, nil if there is none.
func (q *Queue[K, T]) Pop() *Item[K, T] {
	l := q.ready.first
	if l == nil {
		return nil
	}
	it := l.items.first
	remove(&q.ready, l)
	if l.items.n > 1 {
		pushBack(&q.ready, l)
	}
	q.take(it)
	return it
}

// Remove removes an item, unless it has left the queue.
func (q *Queue[K, T]) Remove(it *Item[K, T]) {
	l := it.line
	if l == nil {
		return
	}
	if l.items.n == 1 && !l.stopped {
		remove(&q.ready, l)
	}
	q.take(it)
}

// Stop makes Pop pass over the items of a key, until Start is called.
func (q *Queue[K, T]) Stop(key K) {
	l := q.line(key)
	if !l.stopped && l.items.n > 0 {
		remove(&q.ready, l)
	}
	l.stopped = true
}

// Start ends the effect of Stop.
func (q *Queue[K, T]) Start(key K) {
	l := q.lines[key]
	if l == nil || !l.stopped {
		return
	}
	l.stopped = false
	if l.items.n > 0 {
		pushBack(&q.ready, l)
	}
	q.forget(l)
}

func (q *Queue[K, T]) line(key K) *line[K, T] {
	l := q.lines[key]
	if l == nil {
		if q.lines == nil {
			q.lines = make(map[K]*line[K, T])
		}
		l = &line[K, T]{key: key}
		q.lines[key] = l
	}
	return l
}

// take removes an item from its line, which has been taken from the ready ones if
// nothing is left of it.
func (q *Queue[K, T]) take(it *Item[K, T]) {
	l := it.line
	remove(&l.items, it)
	it.line = nil
	q.n--
	q.forget(l)
}

func (q *Queue[K, T]) forget(l *line[K, T]) {
	if l.items.n == 0 && !l.stopped {
		delete(q.lines, l.key)
	}
}

// list is a linked list through the elements themselves.
type list[E any] struct {
	first, last *E
	n           int
}

type links[E any] struct{ prev, next *E }

type linked[E any] interface {
	*E
	at() *links[E]
}

func pushBack[E any, P linked[E]](l *list[E], e P) {
	e.at().prev = l.last
	if l.last != nil {
		P(l.last).at().next = e
	} else {
		l.first = e
	}
	l.last = e
	l.n++
}

func remove[E any, P linked[E]](l *list[E], e P) {
	at := e.at()
	if at.prev != nil {
		P(at.prev).at().next = at.next
	} else {
		l.first = at.next
	}
	if at.next != nil {
		P(at.next).at().prev = at.prev
	} else {
		l.last = at.prev
	}
	*at = links[E]{}
	l.n--
}
