package login

import "slices"

// deadlineHeap orders the watched sessions by the instant at which there is
// something to say about them. It is one flat slice: no timer and no goroutine a
// session. Each slot has four children, which touches less memory than two.
//
// A session's place is its index plus one, so that zero means that it has none.
type deadlineHeap struct{ slots []deadlineSlot }

// deadlineSlot takes 16 bytes; 4 more are the session's place.
type deadlineSlot struct {
	at int64 // µs since 1970
	w  *watched
}

// set puts w into the heap, or moves it, to the instant at.
func (h *deadlineHeap) set(w *watched, at int64) {
	if w.place == 0 {
		h.slots = append(h.slots, deadlineSlot{at, w})
		w.place = int32(len(h.slots))
	}
	i := int(w.place) - 1
	h.slots[i].at = at
	h.up(i)
	h.down(int(w.place) - 1)
}

// remove takes w out of the heap if it is there.
func (h *deadlineHeap) remove(w *watched) {
	if w.place == 0 {
		return
	}
	i, last := int(w.place)-1, len(h.slots)-1
	w.place = 0
	moved := h.slots[last]
	h.slots[last] = deadlineSlot{}
	h.slots = h.slots[:last]
	if i == last {
		return
	}
	h.slots[i] = moved
	moved.w.place = int32(i + 1)
	h.up(i)
	h.down(int(moved.w.place) - 1)
}

// first returns the earliest instant, and false if the heap is empty.
func (h *deadlineHeap) first() (at int64, ok bool) {
	if len(h.slots) == 0 {
		return 0, false
	}
	return h.slots[0].at, true
}

// take takes out all sessions whose instant is not after now and calls each for
// them.
func (h *deadlineHeap) take(now int64, each func(*watched)) {
	for few := 1 + len(h.slots)/16; few > 0; few-- {
		if at, ok := h.first(); !ok || at > now {
			return
		}
		w := h.slots[0].w
		h.remove(w)
		each(w)
	}
	// Where many are due at once, sorting out all of them and ordering the rest
	// anew costs a third of taking one after the other.
	rest := h.slots[:0]
	for _, slot := range h.slots {
		if slot.at > now {
			rest = append(rest, slot)
			continue
		}
		slot.w.place = 0
		each(slot.w)
	}
	clear(h.slots[len(rest):])
	h.slots = rest
	for i := range slices.Backward(h.slots) {
		h.down(i)
	}
}

func (h *deadlineHeap) up(i int) {
	slot := h.slots[i]
	for i > 0 {
		parent := (i - 1) / 4
		if h.slots[parent].at <= slot.at {
			break
		}
		h.put(i, h.slots[parent])
		i = parent
	}
	h.put(i, slot)
}

func (h *deadlineHeap) down(i int) {
	slot := h.slots[i]
	for {
		child := 4*i + 1
		if child >= len(h.slots) {
			break
		}
		for c := child + 1; c < min(child+4, len(h.slots)); c++ {
			if h.slots[c].at < h.slots[child].at {
				child = c
			}
		}
		if slot.at <= h.slots[child].at {
			break
		}
		h.put(i, h.slots[child])
		i = child
	}
	h.put(i, slot)
}

func (h *deadlineHeap) put(i int, slot deadlineSlot) {
	h.slots[i] = slot
	slot.w.place = int32(i + 1)
}
