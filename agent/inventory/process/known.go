package process

import (
	"path/filepath"
	"regexp"
	"strings"
)

// software is a program that we know by name.
type software struct {
	kind, category string
	names          []string // of executables; one that ends in * is a beginning
}

var knownSoftware = []software{
	{"nginx", "web_server", []string{"nginx"}},
	{"apache", "web_server", []string{"apache2", "httpd", "httpd2-prefork"}},
	{"caddy", "web_server", []string{"caddy"}},
	{"lighttpd", "web_server", []string{"lighttpd"}},
	{"haproxy", "load_balancer", []string{"haproxy"}},
	{"envoy", "load_balancer", []string{"envoy"}},
	{"traefik", "load_balancer", []string{"traefik"}},
	{"keepalived", "load_balancer", []string{"keepalived"}},
	{"varnish", "cache", []string{"varnishd"}},
	{"squid", "proxy", []string{"squid"}},
	{"postgresql", "database", []string{"postgres", "postmaster"}},
	{"pgbouncer", "database_proxy", []string{"pgbouncer"}},
	{"mysql", "database", []string{"mysqld"}},
	{"mariadb", "database", []string{"mariadbd"}},
	{"mongodb", "database", []string{"mongod", "mongos"}},
	{"clickhouse", "database", []string{"clickhouse-serv*", "clickhouse"}},
	{"influxdb", "database", []string{"influxd"}},
	{"etcd", "database", []string{"etcd"}},
	{"redis", "cache", []string{"redis-server", "redis-sentinel", "valkey-server"}},
	{"memcached", "cache", []string{"memcached"}},
	{"rabbitmq", "message_queue", []string{"rabbitmq-server"}},
	{"nats", "message_queue", []string{"nats-server"}},
	{"mosquitto", "message_queue", []string{"mosquitto"}}, //nolint:misspell // its makers spell it so
	{"php_fpm", "application_server", []string{"php-fpm*"}},
	{"java", "application_server", []string{"java"}},
	{"node", "application_server", []string{"node", "nodejs"}},
	{"python", "application_server", []string{"python*", "gunicorn", "uwsgi"}},
	{"ruby", "application_server", []string{"ruby*", "puma"}},
	{"perl", "application_server", []string{"perl*"}},
	{"dotnet", "application_server", []string{"dotnet"}},
	{"erlang", "application_server", []string{"beam.smp", "beam"}},
	{"docker", "container_runtime", []string{"dockerd"}},
	{"containerd", "container_runtime", []string{"containerd"}},
	{"crio", "container_runtime", []string{"crio"}},
	{"podman", "container_runtime", []string{"podman"}},
	{"kubelet", "orchestration", []string{"kubelet", "k3s", "k3s-server", "k3s-agent"}},
	{"kubernetes", "orchestration", []string{"kube-apiserver", "kube-scheduler", "kube-controller*", "kube-proxy"}},
	{"consul", "orchestration", []string{"consul"}},
	{"nomad", "orchestration", []string{"nomad"}},
	{"vault", "secret_store", []string{"vault"}},
	{"openssh", "remote_access", []string{"sshd"}},
	{"openvpn", "remote_access", []string{"openvpn"}},
	{"postfix", "mail_server", []string{"master", "smtpd"}},
	{"exim", "mail_server", []string{"exim4", "exim"}},
	{"dovecot", "mail_server", []string{"dovecot"}},
	{"bind", "name_server", []string{"named"}},
	{"unbound", "name_server", []string{"unbound"}},
	{"dnsmasq", "name_server", []string{"dnsmasq"}},
	{"systemd_resolved", "name_server", []string{"systemd-resolved"}},
	{"chrony", "time_server", []string{"chronyd"}},
	{"ntp", "time_server", []string{"ntpd"}},
	{"systemd_timesyncd", "time_server", []string{"systemd-timesyncd", "systemd-timesyn*"}},
	{"samba", "file_server", []string{"smbd", "nmbd", "winbindd"}},
	{"nfs", "file_server", []string{"rpc.nfsd", "rpc.mountd", "rpcbind"}},
	{"vsftpd", "file_server", []string{"vsftpd", "proftpd"}},
	{"openldap", "directory", []string{"slapd"}},
	{"cron", "scheduler", []string{"cron", "crond", "atd", "anacron"}},
	{"syslog", "logging", []string{"rsyslogd", "syslog-ng"}},
	{"journald", "logging", []string{"systemd-journald", "systemd-journal*"}},
	{"systemd", "system", []string{"systemd", "systemd-udevd", "systemd-logind", "systemd-networkd"}},
	{"dbus", "system", []string{"dbus-daemon", "dbus-broker", "dbus-broker-launch"}},
	{"prometheus", "monitoring", []string{"prometheus"}},
	{"node_exporter", "monitoring", []string{"node_exporter", "prometheus-node-exporter"}},
	{"grafana", "monitoring", []string{"grafana", "grafana-server"}},
	{"telegraf", "monitoring", []string{"telegraf"}},
	{"zabbix", "monitoring", []string{"zabbix_agentd", "zabbix_agent2", "zabbix_server"}},
	{"picket", "monitoring", []string{"picket-agent", "picket-collector"}},
	{"qemu", "hypervisor", []string{"qemu-system-*", "qemu-kvm"}},
	{"libvirt", "hypervisor", []string{"libvirtd", "virtqemud"}},
}

// runsOn are programs that are known by what their runtime was told to run.
var runsOn = []struct {
	runtime, kind, category string
	sign                    string // part of the arguments
}{
	{"java", "kafka", "message_queue", "kafka.Kafka"},
	{"java", "zookeeper", "orchestration", "org.apache.zookeeper.server"},
	{"java", "elasticsearch", "search", "org.elasticsearch."},
	{"java", "opensearch", "search", "org.opensearch.bootstrap"},
	{"java", "solr", "search", "solr.solr.home"},
	{"java", "cassandra", "database", "org.apache.cassandra.service"},
	{"java", "tomcat", "application_server", "org.apache.catalina.startup"},
	{"java", "jboss", "application_server", "jboss-modules.jar"},
	{"java", "jetty", "application_server", "org.eclipse.jetty"},
	{"java", "activemq", "message_queue", "activemq.jar"},
	{"java", "jenkins", "build_server", "jenkins.war"},
	{"java", "keycloak", "directory", "keycloak"},
	{"java", "logstash", "logging", "org.logstash."},
	{"erlang", "rabbitmq", "message_queue", "rabbit"},
	{"erlang", "couchdb", "database", "couchdb"},
	{"python", "gunicorn", "application_server", "gunicorn"},
	{"python", "uvicorn", "application_server", "uvicorn"},
	{"python", "celery", "application_server", "celery"},
}

// recognise returns what a process is known as; empty when it is not.
func recognise(p *proc) (kind, category string) {
	for _, name := range []string{base(p.exe), p.comm} {
		for _, s := range knownSoftware {
			if s.is(name) {
				return refine(s, p.args)
			}
		}
		if p.exe != "" && name != "" {
			break // the name of a process is its own word
		}
	}
	return "", ""
}

func (s software) is(name string) bool {
	for _, n := range s.names {
		if start, open := strings.CutSuffix(n, "*"); n == name || open && strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}

func refine(s software, args []string) (kind, category string) {
	for _, r := range runsOn {
		if r.runtime != s.kind {
			continue
		}
		for _, a := range args {
			if strings.Contains(a, r.sign) {
				return r.kind, r.category
			}
		}
	}
	return s.kind, s.category
}

// interpreters are runtimes whose program is what they were told to run.
var interpreters = regexp.MustCompile(`^(?:python[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|bun|deno|php[\d.]*|java|dotnet|bash|dash|sh|zsh|ksh|busybox)$`)

var mainClass = regexp.MustCompile(`^[\p{L}_$][\w$]*(?:\.[\p{L}_$][\w$]*)+$`)

// program returns what an interpreter runs: a script, an archive, a module or a main class; empty when that cannot be told.
func program(exe string, args []string) string {
	name := base(exe)
	if !interpreters.MatchString(name) || len(args) < 2 {
		return ""
	}
	rest := args[1:]
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case name == "java" && (arg == "-cp" || arg == "-classpath" || arg == "--class-path" || arg == "-p" || arg == "--module-path"):
			i++
		case (arg == "-jar" || arg == "-m" && name != "perl") && i+1 < len(rest):
			return strings.TrimPrefix(rest[i+1], hidden)
		case arg == "-c", arg == "-e", arg == "":
			return ""
		case strings.HasPrefix(arg, "-"):
		case name == "java" && !mainClass.MatchString(arg):
			return ""
		case strings.ContainsAny(arg, " \t\n=") || len(arg) > 200 || arg == hidden:
			return ""
		default:
			return arg
		}
	}
	return ""
}

func base(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Base(path)
}
