package hardware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/picketmon/picket/checks"
)

// Metadata asks the metadata service of the cloud that firmware names. It is asked once, and again as long as it does not answer.
type Metadata struct {
	// Address is where the service answers; empty is the address that all clouds use.
	Address string

	done  bool
	known Host
	next  time.Time
}

const (
	metadataAddress = "http://169.254.169.254"
	metadataWithin  = time.Second
	metadataAgain   = 10 * time.Minute
	mostMetadata    = 64 << 10
)

// fill completes h; the gap says why it could not.
func (m *Metadata) fill(ctx context.Context, h *Host) *checks.Gap {
	ask := map[string]func(context.Context, *Host) error{"aws": m.aws, "gcp": m.gcp, "azure": m.azure, "openstack": m.openstack}[h.Cloud]
	if ask == nil {
		return &checks.Gap{Part: "cloud", Reason: "the firmware names no cloud whose metadata service the agent knows", Cause: checks.ErrNoData}
	}
	if !m.done && !time.Now().Before(m.next) {
		m.next = time.Now().Add(metadataAgain)
		within, cancel := context.WithTimeout(ctx, metadataWithin)
		defer cancel()
		known := *h
		if err := ask(within, &known); err != nil {
			return &checks.Gap{
				Part: "cloud", Reason: "the cloud's metadata service does not answer", Cause: err,
				Fix: "allow the agent http to " + metadataAddress + ", or set inventory.cloud-metadata to false",
			}
		}
		m.done, m.known = true, known
	}
	if m.done {
		k := m.known
		h.Instance, h.InstanceType, h.Region, h.Zone, h.Account = k.Instance, k.InstanceType, k.Region, k.Zone, k.Account
		return nil
	}
	return &checks.Gap{
		Part: "cloud", Reason: "the cloud's metadata service does not answer", Cause: errors.New("not asked again yet"),
		Fix: "allow the agent http to " + metadataAddress + ", or set inventory.cloud-metadata to false",
	}
}

// get asks for one document. Redirects are not followed: the service makes none.
func (m *Metadata) get(ctx context.Context, method, path string, headers ...string) ([]byte, error) {
	address := m.Address
	if address == "" {
		address = metadataAddress
	}
	req, err := http.NewRequestWithContext(ctx, method, address+path, nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", path, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, mostMetadata))
}

func (m *Metadata) decode(ctx context.Context, path string, into any, headers ...string) error {
	raw, err := m.get(ctx, http.MethodGet, path, headers...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// aws speaks version 2, which wants a token first.
func (m *Metadata) aws(ctx context.Context, h *Host) error {
	token, err := m.get(ctx, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return err
	}
	var d struct{ InstanceID, InstanceType, Region, AvailabilityZone, AccountID string }
	if err := m.decode(ctx, "/latest/dynamic/instance-identity/document", &d, "X-aws-ec2-metadata-token", string(token)); err != nil {
		return err
	}
	h.Instance, h.InstanceType, h.Region, h.Zone, h.Account = d.InstanceID, d.InstanceType, d.Region, d.AvailabilityZone, d.AccountID
	return nil
}

func (m *Metadata) gcp(ctx context.Context, h *Host) error {
	var d struct {
		ID                json.Number
		MachineType, Zone string
	}
	if err := m.decode(ctx, "/computeMetadata/v1/instance/?recursive=true", &d, "Metadata-Flavor", "Google"); err != nil {
		return err
	}
	project, err := m.get(ctx, http.MethodGet, "/computeMetadata/v1/project/project-id", "Metadata-Flavor", "Google")
	if err != nil {
		return err
	}
	last := func(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
	h.Instance, h.InstanceType, h.Zone, h.Account = d.ID.String(), last(d.MachineType), last(d.Zone), strings.TrimSpace(string(project))
	if i := strings.LastIndexByte(h.Zone, '-'); i > 0 {
		h.Region = h.Zone[:i]
	}
	return nil
}

func (m *Metadata) azure(ctx context.Context, h *Host) error {
	var d struct{ VMID, VMSize, Location, Zone, SubscriptionID string }
	if err := m.decode(ctx, "/metadata/instance/compute?api-version=2021-02-01", &d, "Metadata", "true"); err != nil {
		return err
	}
	h.Instance, h.InstanceType, h.Region, h.Zone, h.Account = d.VMID, d.VMSize, d.Location, d.Zone, d.SubscriptionID
	return nil
}

func (m *Metadata) openstack(ctx context.Context, h *Host) error {
	var d struct {
		UUID      string
		Zone      string `json:"availability_zone"`
		ProjectID string `json:"project_id"`
	}
	if err := m.decode(ctx, "/openstack/latest/meta_data.json", &d); err != nil {
		return err
	}
	h.Instance, h.Zone, h.Account = d.UUID, d.Zone, d.ProjectID
	return nil
}
