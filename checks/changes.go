package checks

import (
	"slices"
	"time"
)

// repeatAfter is how long an unchanged bad result is held back.
const repeatAfter = 5 * time.Minute

// Changes holds back results that say nothing new. A resource's first result is reported, then every change of its status,
// and a bad status again every five minutes. The zero value is ready; it is for one goroutine at a time.
type Changes struct {
	last map[string]*judgement
}

type judgement struct {
	status   Status
	reported time.Time
	judged   bool // since the last Finish
}

// Judge reports res to r unless the same was reported a short time ago. Resources are told apart by Result.Resource.
func (c *Changes) Judge(r Reporter, res Result) {
	j := c.last[res.Resource]
	if j == nil {
		if c.last == nil {
			c.last = make(map[string]*judgement)
		}
		j = new(judgement)
		c.last[res.Resource] = j
	}
	j.judged = true
	if j.status == res.Status && (res.Status == OK || r.Time().Sub(j.reported) < repeatAfter) {
		return
	}
	j.status, j.reported = res.Status, r.Time()
	r.Result(res)
}

// Finish ends a run in which every resource was judged. Resources that were not are forgotten; those that were bad are
// reported OK with the given output.
func (c *Changes) Finish(r Reporter, output string) {
	var well []string
	for resource, j := range c.last {
		if j.judged {
			j.judged = false
			continue
		}
		delete(c.last, resource)
		if j.status != OK {
			well = append(well, resource)
		}
	}
	slices.Sort(well)
	for _, resource := range well {
		r.Result(Result{Resource: resource, Status: OK, Output: output})
	}
}
