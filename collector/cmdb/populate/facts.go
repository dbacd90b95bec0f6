package populate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/picketmon/picket/collector/cmdb"
)

// Source is whose reports these are, among the sources of the model.
const Source = "Picket agent"

// Kinds are the kinds of facts that become items. Packages, users, units, timers, routes and name servers stay facts: a thousand hosts
// have millions of them, and nobody works on one by itself.
func Kinds() []string {
	return []string{"host", "network_adapter", "ip_address", "disk", "memory_module", "file_system", "application", "listener"}
}

// Fact is one thing that an agent found. Attributes is a JSON object.
type Fact struct {
	Key        string
	Attributes json.RawMessage
	Time       cmdb.Instant
}

// attributes is a fact's JSON object. Reading it says nothing of what is missing or of another type: what an agent of another version
// sends is taken as far as it is understood.
type attributes map[string]any

func (a attributes) text(name string) string {
	switch v := a[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (f Fact) open() (attributes, error) {
	d := json.NewDecoder(strings.NewReader(string(f.Attributes)))
	d.UseNumber()
	var a attributes
	if err := d.Decode(&a); err != nil {
		return nil, fmt.Errorf("decode fact %q: %w", f.Key, err)
	}
	return a, nil
}

// pick copies those of the attributes that have the same name and meaning in the CMDB.
func (a attributes) pick(names ...string) map[string]any {
	values := map[string]any{}
	for _, n := range names {
		if v, ok := a[n]; ok {
			values[n] = v
		}
	}
	return values
}

// nativeKey is how the agents know what they find: the agent's id, then the kind, then the key inside it.
func nativeKey(agent, kind, key string) string {
	if kind == "host" {
		return agent
	}
	return agent + "/" + kind + "/" + key
}

// host makes the item of the host itself.
func host(agent, instance string, f Fact) (cmdb.PayloadItem, error) {
	a, err := f.open()
	if err != nil {
		return cmdb.PayloadItem{}, err
	}
	values := a.pick("fqdn", "dns_domain", "manufacturer", "model_id", "model_number", "serial_number", "asset_tag", "chassis_type", "bios_version", "bios_date",
		"cpu_name", "cpu_manufacturer", "cpu_count", "cpu_core_count", "cpu_core_thread", "ram", "os_version", "kernel_release", "virtual", "virtualization", "machine_id", "agent_version")
	values["name"] = instance
	values["host_name"] = a.text("hostname")
	values["os"] = a.text("platform")
	if a.text("platform") == "" {
		values["os"] = a.text("os")
	}
	values["cpu_type"] = a.text("arch")
	values["object_id"] = a.text("cloud_instance_id")
	class, ok := map[string]string{"linux": "cmdb_ci_linux_server", "windows": "cmdb_ci_win_server", "darwin": "cmdb_ci_osx_server"}[a.text("os")]
	if !ok {
		class = "cmdb_ci_unix_server"
	}
	item := cmdb.PayloadItem{Class: class, Values: values, SourceInfo: info(nativeKey(agent, "host", f.Key), f)}
	for _, kind := range []string{"system", "uuid", "baseboard", "chassis"} {
		if number := a.text("serial_number_" + kind); number != "" {
			item.Lookup = append(item.Lookup, cmdb.PayloadLookup{Class: "cmdb_serial_number", Values: map[string]any{"serial_number": number, "serial_number_type": kind}})
		}
	}
	return item, nil
}

func info(key string, f Fact) *cmdb.SourceInfo {
	return &cmdb.SourceInfo{NativeKey: key, Recency: f.Time}
}

// part is how a kind of facts becomes items that hang on their host.
type part struct {
	relation     string
	hostIsParent bool
	item         func(f Fact, a attributes) (class string, values map[string]any)
}

// parts are all kinds but the host itself.
func parts() map[string]part {
	owned := func(class string, names ...string) part {
		return part{relation: "Owns::Owned by", hostIsParent: true, item: func(f Fact, a attributes) (string, map[string]any) {
			values := a.pick(append(names, "name", "manufacturer", "model_id", "model_number", "serial_number")...)
			if a.text("name") == "" {
				values["name"] = f.Key
			}
			return class, values
		}}
	}
	return map[string]part{
		"network_adapter": owned("cmdb_ci_network_adapter", "mac_address", "mtu", "speed", "driver", "virtual", "alias"),
		"disk":            owned("cmdb_ci_disk", "size_bytes", "device_id", "rotational"),
		"memory_module":   owned("cmdb_ci_memory_module", "capacity", "slot", "speed"),
		"file_system":     owned("cmdb_ci_file_system", "mount_point", "file_system", "device", "size_bytes", "options"),
		"ip_address":      {relation: "Owns::Owned by", hostIsParent: true, item: address},
		"application":     {relation: "Runs on::Runs", item: application},
		"listener":        {relation: "Runs on::Runs", item: listener},
	}
}

// address leaves out what every host has: addresses that are of no use outside of it.
func address(_ Fact, a attributes) (string, map[string]any) {
	if s := a.text("scope"); s == "host" || s == "link" {
		return "", nil
	}
	values := a.pick("ip_address", "ip_version", "netmask", "scope", "nic")
	values["name"] = a.text("ip_address")
	return "cmdb_ci_ip_address", values
}

// applicationClasses are the classes of programs known by name, and of categories of them.
var applicationClasses = map[string]string{
	"nginx": "cmdb_ci_nginx_web_server", "apache": "cmdb_ci_apache_web_server", "haproxy": "cmdb_ci_lb_haproxy",
	"postgresql": "cmdb_ci_db_postgresql_instance", "mysql": "cmdb_ci_db_mysql_instance", "mariadb": "cmdb_ci_db_mariadb_instance",
	"redis": "cmdb_ci_db_redis_instance", "mongodb": "cmdb_ci_db_mongodb_instance", "tomcat": "cmdb_ci_app_server_tomcat", "java": "cmdb_ci_app_server_java",
	"web_server": "cmdb_ci_web_server", "load_balancer": "cmdb_ci_lb_appl", "database": "cmdb_ci_db_instance",
	"application_server": "cmdb_ci_app_server", "container_runtime": "cmdb_ci_appl_container_engine",
}

// application keeps what stays the same over a restart: start times and the number of processes are facts, not what the item is.
func application(f Fact, a attributes) (string, map[string]any) {
	class := "cmdb_ci_appl"
	for _, by := range []string{"type", "category"} {
		if c, ok := applicationClasses[a.text(by)]; ok {
			class = c
			break
		}
	}
	values := a.pick("name", "version", "vendor", "executable", "package", "unit", "user", "running_process_command")
	values["running_process_key_parameters"] = f.Key
	var ports []string
	if list, ok := a["listens"].([]any); ok {
		for _, l := range list {
			text, _ := l.(string)
			if i := strings.LastIndexByte(text, ':'); i >= 0 && strings.HasPrefix(text, "tcp") && !slices.Contains(ports, text[i+1:]) {
				ports = append(ports, text[i+1:])
			}
		}
	}
	slices.SortFunc(ports, func(x, y string) int {
		n, _ := strconv.Atoi(x)
		m, _ := strconv.Atoi(y)
		return n - m
	})
	values["tcp_port"] = strings.Join(ports, ",")
	return class, values
}

func listener(f Fact, a attributes) (string, map[string]any) {
	values := a.pick("ip_address", "port", "protocol", "application", "unit", "user")
	values["name"] = f.Key
	return "cmdb_ci_endpoint", values
}

// payload makes reports of facts of one agent: the host with each, so that what hangs on it finds it. A report has at most 500 items.
func payload(agent, instance string, hostFact Fact, changed map[string][]Fact, gone []string) ([]cmdb.Payload, error) {
	h, err := host(agent, instance, hostFact)
	if err != nil {
		return nil, err
	}
	blank := cmdb.Payload{Source: Source, By: "agent " + instance, Enhanced: true}
	now := blank
	now.Items = []cmdb.PayloadItem{h}
	var list []cmdb.Payload
	all := parts()
	for _, kind := range slices.Sorted(maps.Keys(changed)) {
		p, ok := all[kind]
		if !ok {
			continue
		}
		for _, f := range changed[kind] {
			a, err := f.open()
			if err != nil {
				return nil, err
			}
			class, values := p.item(f, a)
			if class == "" {
				continue
			}
			now.Items = append(now.Items, cmdb.PayloadItem{Class: class, Values: values, SourceInfo: info(nativeKey(agent, kind, f.Key), f)})
			now.Relations = append(now.Relations, hangs(len(now.Items)-1, p))
			if len(now.Items) == maxItems {
				list = append(list, now)
				now = blank
				now.Items = []cmdb.PayloadItem{h}
			}
		}
	}
	list = append(list, now)
	for part := range slices.Chunk(gone, maxItems) {
		p := blank
		p.Gone = part
		list = append(list, p)
	}
	return list, nil
}

const maxItems = 500

func hangs(i int, p part) cmdb.PayloadRelation {
	first := 0
	if p.hostIsParent {
		return cmdb.PayloadRelation{Parent: &first, Child: &i, Type: p.relation}
	}
	return cmdb.PayloadRelation{Parent: &i, Child: &first, Type: p.relation}
}
