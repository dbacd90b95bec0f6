package process

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const hidden = "***"

// Words of names whose values are secret, and of those that only name where one is.
const secretWord = `(?:pass(?:w(?:or)?d|phrase|code)?|pwd|secrets?|token|api[-_.]?key|access[-_.]?key|secret[-_.]?key|private[-_.]?key|encryption[-_.]?key|master[-_.]?key|signing[-_.]?key|auth[-_.]?key|account[-_.]?key|shared[-_.]?key|psk|credentials?|bearer|cookie|passin|passout|requirepass|masterauth|community)`

// The rules.
var (
	secretName = regexp.MustCompile(`(?i)(?:^|[-_.])` + secretWord + `(?:$|[-_.]?\d+$)|(?i)` + `(?:password|passwd|secret|token|apikey)$`)
	placeName  = regexp.MustCompile(`(?i)[-_.]?(?:file|path|dir|folder|url|uri|name|id|type|ttl|timeout|length|policy|command|cmd|helper|manager)s?$`)
	assigned   = regexp.MustCompile(`^(-{0,2}(?:D|e|o|X)?[A-Za-z_][\w.-]*?)([=:])(.+)$`)
	userInURL  = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*):[^\s@]*@`)
	bareInURL  = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/:@]{20,}@`)
	inQuery    = regexp.MustCompile(`(?i)([?&;,][\w.-]*` + secretWord + `[\w.-]*=)[^&;,\s'"]+`)
	inJSON     = regexp.MustCompile(`(?i)(["'][\w.-]*` + secretWord + `["']\s*:\s*["'])[^"']*`)
	inHeader   = regexp.MustCompile(`(?i)((?:proxy-)?authorization|x-[\w-]*(?:key|token|secret)|(?:set-)?cookie|private-token)(\s*[:=]\s*).+`)
	byForm     = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*`)
)

// shortOptions are the short options of programs that take secrets: stuck to the option or, with a space, in the next word.
var shortOptions = []struct {
	programs []string
	option   string
	next     bool // the next word is the secret when nothing is stuck to the option
}{
	{[]string{
		"mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlpump", "mysqlshow", "mysqlslap", "mysqlbinlog", "mysqlsh",
		"mariadb", "mariadb-dump", "mariadb-admin", "mariadb-backup", "mariabackup", "xtrabackup", "innobackupex",
	}, "-p", false},
	{[]string{"sshpass", "mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "docker", "podman", "plink", "influx"}, "-p", true},
	{[]string{"7z", "7za", "7zr", "rar", "unrar"}, "-p", false},
	{[]string{"zip", "unzip", "sqlcmd", "bcp", "ipmitool", "ipmi-sensors"}, "-P", true},
	{[]string{"ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami"}, "-w", true},
	{[]string{"redis-cli", "keydb-cli", "valkey-cli", "ipmitool", "snmpget", "snmpwalk", "snmpbulkwalk", "snmpset"}, "-a", true},
	{[]string{"snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmptrap"}, "-A", true},
	{[]string{"snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmptrap"}, "-X", true},
	{[]string{"snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmptrap"}, "-c", true},
	{[]string{"openssl"}, "-k", true},
	{[]string{"openssl"}, "-K", true},
	{[]string{"curl"}, "-b", true},
}

// pairOptions take user:secret or user%secret; the user stays.
var pairOptions = map[string][]string{
	"curl": {"-u", "--user", "-U", "--proxy-user"}, "smbclient": {"-U", "--user"}, "rpcclient": {"-U", "--user"}, "lftp": {"-u", "--user"},
	"ab": {"-A", "-P"}, "htpasswd": {"-b"},
}

// redact returns arguments without the secrets that rules find in them. The first is the program.
func redact(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	out := slices.Clone(args)
	program := filepath.Base(strings.TrimPrefix(args[0], "-"))
	for i := 1; i < len(out); i++ {
		arg := out[i]
		next := i+1 < len(out) && out[i+1] != "" && (!strings.HasPrefix(out[i+1], "-") || len(out[i+1]) > 20)
		switch name, taken := dashed(arg); {
		case stuck(program, arg):
			out[i] = arg[:2] + hidden
		case next && spaced(program, arg):
			i++
			out[i] = hidden
		case next && slices.Contains(pairOptions[program], arg):
			i++
			out[i] = pair(out[i])
		case next && taken && !strings.ContainsAny(name, "=: \t\n") && isSecret(name):
			i++
			out[i] = hidden
		default:
			out[i] = word(arg)
		}
	}
	out[0] = word(out[0])
	return out
}

// dashed returns the name of an option.
func dashed(arg string) (string, bool) {
	name := strings.TrimLeft(arg, "-")
	return name, name != arg
}

func isSecret(name string) bool { return secretName.MatchString(name) && !placeName.MatchString(name) }

func stuck(program, arg string) bool {
	for _, s := range shortOptions {
		if len(arg) > 2 && arg[:2] == s.option && arg[2] != '-' && slices.Contains(s.programs, program) {
			return true
		}
	}
	return false
}

func spaced(program, arg string) bool {
	for _, s := range shortOptions {
		if s.next && arg == s.option && slices.Contains(s.programs, program) {
			return true
		}
	}
	return false
}

// pair hides what follows the user.
func pair(s string) string {
	if i := strings.IndexAny(s, ":%,"); i >= 0 {
		return s[:i+1] + hidden
	}
	return s
}

// word hides secrets inside one argument; one with spaces may be a command line of its own.
func word(arg string) string {
	if len(arg) >= 14 { // the shortest that a form has
		arg = byForm.ReplaceAllString(arg, hidden)
	}
	if strings.ContainsAny(arg, ":=") && inHeader.MatchString(arg) {
		return inHeader.ReplaceAllString(arg, "${1}${2}"+hidden)
	}
	if strings.ContainsAny(arg, `"'`) {
		arg = inJSON.ReplaceAllString(arg, "${1}"+hidden)
	}
	if words := strings.Fields(arg); len(words) > 1 {
		return strings.Join(redactWords(words), " ")
	}
	if !strings.ContainsAny(arg, "=:") {
		return arg
	}
	if strings.Contains(arg, "://") {
		arg = userInURL.ReplaceAllString(arg, "${1}:"+hidden+"@")
		arg = bareInURL.ReplaceAllString(arg, "${1}"+hidden+"@")
	}
	if strings.ContainsAny(arg, "?&;,") {
		arg = inQuery.ReplaceAllString(arg, "${1}"+hidden)
	}
	if m := assigned.FindStringSubmatch(arg); m != nil {
		name := strings.TrimLeft(m[1], "-")
		if isSecret(name) || isSecret(strings.TrimLeft(name, "DeoX")) || strings.HasPrefix(m[3], "pass:") {
			return m[1] + m[2] + hidden
		}
		if m[2] == "=" && strings.Contains(m[3], "=") {
			return m[1] + m[2] + word(m[3])
		}
	}
	if strings.HasPrefix(arg, "pass:") { // openssl's way to write one
		return "pass:" + hidden
	}
	return arg
}

// redactWords redacts the words of a command line inside an argument, each command of it for itself.
func redactWords(words []string) []string {
	var out []string
	for start := 0; start < len(words); {
		end := start + 1
		for end < len(words) && !strings.ContainsAny(words[end-1][len(words[end-1])-1:], ";|&") {
			end++
		}
		command := words[start:end]
		skip := 0 // VAR=value before the program
		for skip < len(command)-1 && strings.Contains(command[skip], "=") {
			out = append(out, word(command[skip]))
			skip++
		}
		out = append(out, redact(command[skip:])...)
		start = end
	}
	return out
}

// Redact returns a command line, as files have it, without the secrets that rules find in it.
func Redact(command string) string {
	words := strings.Fields(command)
	if len(words) == 0 {
		return ""
	}
	return shorten(word(strings.Join(redactWords(words), " ")))
}
