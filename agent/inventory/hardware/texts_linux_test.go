package hardware

// texts gives a text to all parsers of texts.
func texts(b []byte, name string) {
	parseRelease(b)
	parseMemory(b)
	parseBoot(b)
	parseHosts(b, name)
	parseHypervisorFlag(b)
	h := Host{}
	h.processors(parseCPUs(b))
}
