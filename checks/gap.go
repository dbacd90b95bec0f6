package checks

// Gap says what a check cannot collect on this host, and what would mend it. It is an error, so that Run can return it for the
// check as a whole; parts are told by an Explainer. With ErrNoData as its cause the check is in order: the host lacks the
// thing. With another cause the check fails. A Gap without a reason is explained by the host from its cause.
type Gap struct {
	// Part is what is missing of the subject: a mount point, a kind of data. Empty is the check as a whole.
	Part string
	// Reason is one sentence, the same on every host with the same gap: no durations, counts or addresses.
	Reason string
	// Fix is the exact command or setting that mends it; {user} in it stands for the agent's user. Without one and with
	// ErrNoData as the cause there is nothing to mend.
	Fix   string
	Cause error
}

// Error implements error.
func (g *Gap) Error() string {
	switch {
	case g.Cause == nil:
		return g.Reason
	case g.Reason == "":
		return g.Cause.Error()
	}
	return g.Reason + ": " + g.Cause.Error()
}

// Unwrap implements the errors package's convention.
func (g *Gap) Unwrap() error { return g.Cause }

// Explainer is a check that knows which parts of its subject it could not collect, though its run went well. The host asks
// after every run, in the goroutine that ran it; the slice is valid until the next run.
type Explainer interface {
	Gaps() []Gap
}
