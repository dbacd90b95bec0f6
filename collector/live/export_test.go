package live

// Flush does what Run does once a second.
func (h *Hub) Flush() { h.flush() }
