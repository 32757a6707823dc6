package sqltest

// Waits reports whether an operation of any session waits for a lock.
func (f *Fake) Waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.views {
		if len(v.lock.queue)+len(v.turn.queue)+len(v.row.queue) > 0 {
			return true
		}
	}
	for _, q := range f.seqs {
		if len(q.lock.queue) > 0 {
			return true
		}
	}
	for _, e := range f.enums {
		if len(e.lock.queue) > 0 {
			return true
		}
	}
	for _, l := range f.relations {
		if len(l.queue) > 0 {
			return true
		}
	}
	return false
}
