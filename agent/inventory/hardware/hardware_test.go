package hardware

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/agent/inventory"
)

// tree makes a host of files by path.
func tree(t *testing.T, files map[string]string) inventory.Trees {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return inventory.Trees{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), Root: root}
}

func TestWhatTheHostRunsOn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("read from Linux's trees")
	}
	const dmi, clock = "sys/class/dmi/id/", "sys/devices/system/clocksource/clocksource0/available_clocksource"
	for name, tc := range map[string]struct {
		files                                map[string]string
		virtualization, container, cloud, id string
	}{
		"a machine":     {map[string]string{dmi + "sys_vendor": "Dell Inc.\n", clock: "tsc hpet\n"}, "", "", "", ""},
		"vmware":        {map[string]string{dmi + "sys_vendor": "VMware, Inc.\n", dmi + "product_name": "VMware7,1\n"}, "vmware", "", "", ""},
		"qemu with kvm": {map[string]string{dmi + "sys_vendor": "QEMU\n", clock: "kvm-clock tsc\n"}, "kvm", "", "", ""},
		"qemu alone":    {map[string]string{dmi + "sys_vendor": "QEMU\n", clock: "tsc\n"}, "qemu", "", "", ""},
		"hyper-v":       {map[string]string{dmi + "sys_vendor": "Microsoft Corporation\n", dmi + "product_name": "Virtual Machine\n"}, "hyperv", "", "", ""},
		"a surface":     {map[string]string{dmi + "sys_vendor": "Microsoft Corporation\n", dmi + "product_name": "Surface Pro\n"}, "", "", "", ""},
		"firecracker":   {map[string]string{clock: "tsc kvm-clock\n", "sys/firmware/acpi/tables/DSDT": "DSDT\x00\x00\x00\x00\x02\x77FIRECKFCVMDSDT"}, "firecracker", "", "", ""},
		"xen":           {map[string]string{"sys/hypervisor/type": "xen\n"}, "xen", "", "", ""},
		"xen's host":    {map[string]string{"sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "control_d\n"}, "", "", "", ""},
		"unknown":       {map[string]string{"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n"}, "other", "", "", ""},
		"docker":        {map[string]string{".dockerenv": ""}, "", "docker", "", ""},
		"lxc":           {map[string]string{"proc/1/environ": "TERM=x\x00container=lxc\x00"}, "", "lxc", "", ""},
		"nspawn":        {map[string]string{"run/systemd/container": "systemd-nspawn\n"}, "", "nspawn", "", ""},
		"kubernetes":    {map[string]string{"proc/1/cgroup": "0::/kubepods/pod1/x\n"}, "", "kubernetes", "", ""},
		"aws":           {map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "m5.large\n", dmi + "board_asset_tag": "i-0abc\n"}, "kvm", "", "aws", "i-0abc"},
		"aws, metal":    {map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "m5.metal\n", dmi + "board_asset_tag": "i-0abd\n"}, "", "", "aws", "i-0abd"},
		"gcp":           {map[string]string{dmi + "sys_vendor": "Google\n", dmi + "product_name": "Google Compute Engine\n"}, "kvm", "", "gcp", ""},
		"azure": {map[string]string{
			dmi + "sys_vendor": "Microsoft Corporation\n", dmi + "product_name": "Virtual Machine\n", dmi + "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n",
			dmi + "product_uuid": "33221100-5544-7766-8899-AABBCCDDEEFF\n",
		}, "hyperv", "", "azure", "00112233-4455-6677-8899-aabbccddeeff"},
		"openstack":    {map[string]string{dmi + "sys_vendor": "OpenStack Foundation\n", dmi + "product_name": "OpenStack Nova\n", dmi + "product_uuid": "AA-BB\n"}, "kvm", "", "openstack", "aa-bb"},
		"digitalocean": {map[string]string{dmi + "sys_vendor": "DigitalOcean\n", dmi + "product_serial": "12345\n", clock: "kvm-clock\n"}, "kvm", "", "digitalocean", "12345"},
	} {
		t.Run(name, func(t *testing.T) {
			h := Host{Hostname: "x"}
			h.platform(tree(t, tc.files))
			if h.Virtualization != tc.virtualization || h.Container != tc.container || h.Cloud != tc.cloud || h.Instance != tc.id {
				t.Errorf("%q in %q at %q as %q", h.Virtualization, h.Container, h.Cloud, h.Instance)
			}
			if h.Virtual != (tc.virtualization != "" || tc.container != "") {
				t.Errorf("virtual: %v", h.Virtual)
			}
		})
	}
}

// TestMetadata asks what the services answered when they were recorded.
func TestMetadata(t *testing.T) {
	answer := func(answers map[string]string, check func(*http.Request) bool) *Metadata {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, ok := answers[r.Method+" "+r.URL.RequestURI()]
			if !ok || !check(r) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, text)
		}))
		t.Cleanup(s.Close)
		return &Metadata{Address: s.URL}
	}
	header := func(name, value string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == http.MethodPut || r.Header.Get(name) == value }
	}
	for cloud, tc := range map[string]struct {
		service *Metadata
		want    Host
	}{
		"aws": {answer(map[string]string{
			"PUT /latest/api/token":                          "t0ken",
			"GET /latest/dynamic/instance-identity/document": `{"accountId":"123456789012","availabilityZone":"eu-central-1b","instanceId":"i-0abc","instanceType":"m5.large","region":"eu-central-1"}`,
		}, header("X-Aws-Ec2-Metadata-Token", "t0ken")), Host{Instance: "i-0abc", InstanceType: "m5.large", Region: "eu-central-1", Zone: "eu-central-1b", Account: "123456789012"}},
		"gcp": {answer(map[string]string{
			"GET /computeMetadata/v1/instance/?recursive=true": `{"id":6123456789012345678,"machineType":"projects/7/machineTypes/e2-small","zone":"projects/7/zones/europe-west3-a"}`,
			"GET /computeMetadata/v1/project/project-id":       "shop-prod",
		}, header("Metadata-Flavor", "Google")), Host{Instance: "6123456789012345678", InstanceType: "e2-small", Region: "europe-west3", Zone: "europe-west3-a", Account: "shop-prod"}},
		"azure": {answer(map[string]string{
			"GET /metadata/instance/compute?api-version=2021-02-01": `{"location":"westeurope","vmId":"0011","vmSize":"Standard_B2s","zone":"1","subscriptionId":"77"}`,
		}, header("Metadata", "true")), Host{Instance: "0011", InstanceType: "Standard_B2s", Region: "westeurope", Zone: "1", Account: "77"}},
		"openstack": {answer(map[string]string{
			"GET /openstack/latest/meta_data.json": `{"uuid":"aa-bb","availability_zone":"nova","project_id":"p1"}`,
		}, header("X", "")), Host{Instance: "aa-bb", Zone: "nova", Account: "p1"}},
	} {
		t.Run(cloud, func(t *testing.T) {
			got := Host{Cloud: cloud}
			if gap := tc.service.fill(t.Context(), &got); gap != nil {
				t.Fatal(gap)
			}
			tc.want.Cloud = cloud
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a service that refuses", func(t *testing.T) {
		m := answer(nil, header("X", ""))
		for range 2 { // the second time it is not asked
			if gap := m.fill(t.Context(), &Host{Cloud: "aws"}); gap == nil || gap.Fix == "" {
				t.Errorf("gap %v", gap)
			}
		}
	})
	t.Run("a service that hangs", func(t *testing.T) {
		release := make(chan struct{})
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		defer s.Close()
		defer close(release)
		began := time.Now()
		if gap := (&Metadata{Address: s.URL}).fill(context.Background(), &Host{Cloud: "aws"}); gap == nil || time.Since(began) > 5*metadataWithin {
			t.Errorf("gap %v after %s", gap, time.Since(began))
		}
	})
	t.Run("no cloud", func(t *testing.T) {
		if gap := (&Metadata{Address: "http://127.0.0.1:1"}).fill(t.Context(), &Host{}); gap == nil || gap.Fix != "" {
			t.Errorf("gap %v", gap)
		}
	})
}

func TestMeaning(t *testing.T) {
	for in, want := range map[string]string{
		"ABC 123": "ABC 123", " PowerEdge  R640 ": "PowerEdge R640", "To Be Filled By O.E.M.": "", "0000000": "", "Default string": "", "None": "", "...": "",
		"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF": "",
	} {
		if got := meaning(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzModules(f *testing.F) {
	if raw, err := os.ReadFile("../all/testdata/debian/sys/firmware/dmi/tables/DMI"); err == nil {
		f.Add(raw)
	}
	f.Add([]byte{17, 4, 0, 0, 0, 0})
	f.Add([]byte{17, 255, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range parseModules(b) {
			if m.Slot == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

func FuzzTexts(f *testing.F) {
	f.Add([]byte("NAME=\"a\\\"b\"\nprocessor: 1\nmodel name : x\n10.0.0.1 a.b web1\nMemTotal: 5 kB\nbtime 7\n"))
	f.Fuzz(func(t *testing.T, b []byte) { texts(b, strings.ToLower("web1")) })
}
