package fleet

import (
	"net/netip"
	"testing"
	"time"
)

func TestAttemptsAreOnePerSecondAfterABurst(t *testing.T) {
	a, now := newAttempts(), time.Unix(1000, 0)
	ip := netip.MustParseAddr("192.0.2.1")
	made := 0
	// A caller that fails as often as it may, for a minute, in steps of 10 ms.
	for range 6000 {
		if a.wait(ip, now) == 0 {
			made++
			a.failed(ip, now)
		}
		now = now.Add(10 * time.Millisecond)
	}
	if made < 60 || made > 65 {
		t.Errorf("%d failures in 60 s, want the burst of 5 and one per second", made)
	}
}

func TestAttemptsAtTheSameTimeAreOwed(t *testing.T) {
	a, now := newAttempts(), time.Unix(1000, 0)
	ip := netip.MustParseAddr("192.0.2.1")
	for range 1000 { // all began before the first failed
		a.failed(ip, now)
	}
	if got, want := a.wait(ip, now), (attemptDebt+1)*time.Second; got != want {
		t.Errorf("must wait %s, want %s: bounded", got, want)
	}
	if a.wait(ip, now.Add((attemptDebt+1)*time.Second)) != 0 {
		t.Error("the debt is not forgiven")
	}
}

func TestAttemptsCountByAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b string
		same bool
	}{
		"other IPv4":     {"192.0.2.1", "192.0.2.2", false},
		"mapped IPv4":    {"192.0.2.1", "::ffff:192.0.2.1", true},
		"same /64":       {"2001:db8::1", "2001:db8::2", true},
		"other /64":      {"2001:db8::1", "2001:db8:0:1::1", false},
		"zone is no way": {"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		t.Run(name, func(t *testing.T) {
			a, now := newAttempts(), time.Unix(1000, 0)
			for range attemptBurst {
				a.failed(netip.MustParseAddr(tc.a), now)
			}
			if blocked := a.wait(netip.MustParseAddr(tc.b), now) > 0; blocked != tc.same {
				t.Errorf("blocked %t, want %t", blocked, tc.same)
			}
		})
	}
}

func TestAttemptsRememberAFewAddresses(t *testing.T) {
	a, now := newAttempts(), time.Unix(1000, 0)
	bad := netip.MustParseAddr("192.0.2.1")
	for range 20 {
		a.failed(bad, now)
	}
	ip := netip.MustParseAddr("10.0.0.0")
	for range 3 * maxAttempted {
		a.failed(ip, now)
		ip = ip.Next()
	}
	if n := len(a.seen); n > maxAttempted {
		t.Errorf("%d addresses are remembered", n)
	}
	if a.wait(bad, now) == 0 {
		t.Error("the worst address was forgotten for harmless ones")
	}
}
