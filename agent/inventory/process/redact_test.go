package process

import (
	"strings"
	"testing"
)

// TestRedact holds what never leaves a host: in each command line the secret is the word s3cr3t.
func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"app|--password=s3cr3t|--port=80":                              "app --password=*** --port=80",
		"app|--password|s3cr3t|--port|80":                              "app --password *** --port 80",
		"app|-password|s3cr3t":                                         "app -password ***",
		"app|--db-password=s3cr3t":                                     "app --db-password=***",
		"app|--DB_PASSWD=s3cr3t":                                       "app --DB_PASSWD=***",
		"app|--token|s3cr3t":                                           "app --token ***",
		"app|--api-key=s3cr3t|x":                                       "app --api-key=*** x",
		"app|--apikey|s3cr3t":                                          "app --apikey ***",
		"app|--secret-access-key|s3cr3t":                               "app --secret-access-key ***",
		"app|--client-secret=s3cr3t":                                   "app --client-secret=***",
		"app|--requirepass|s3cr3t":                                     "app --requirepass ***",
		"app|SECRET=s3cr3t":                                            "app SECRET=***",
		"env|AWS_SECRET_ACCESS_KEY=s3cr3t|app":                         "env AWS_SECRET_ACCESS_KEY=*** app",
		"env|GITHUB_TOKEN=s3cr3t|PATH=/bin":                            "env GITHUB_TOKEN=*** PATH=/bin",
		"docker|run|-ePGPASSWORD=s3cr3t|pg":                            "docker run -ePGPASSWORD=*** pg",
		"docker|run|-e|PGPASSWORD=s3cr3t|pg":                           "docker run -e PGPASSWORD=*** pg",
		"docker|run|--env=PGPASSWORD=s3cr3t|pg":                        "docker run --env=PGPASSWORD=*** pg",
		"java|-Djavax.net.ssl.keyStorePassword=s3cr3t|-jar|a":          "java -Djavax.net.ssl.keyStorePassword=*** -jar a",
		"java|-Ddb.password=s3cr3t|Main":                               "java -Ddb.password=*** Main",
		"app|postgres://bob:s3cr3t@db:5432/x?sslmode=off":              "app postgres://bob:***@db:5432/x?sslmode=off",
		"app|--dsn=postgres://bob:s3cr3t@db/x":                         "app --dsn=postgres://bob:***@db/x",
		"app|redis://:s3cr3t@cache:6379/0":                             "app redis://:***@cache:6379/0",
		"git|clone|https://s3cr3ts3cr3ts3cr3ts3cr3t@git.example/x.git": "git clone https://***@git.example/x.git",
		"app|https://x.example/hook?token=s3cr3t&a=1":                  "app https://x.example/hook?token=***&a=1",
		"app|https://x.example/?a=1&api_key=s3cr3t":                    "app https://x.example/?a=1&api_key=***",
		"mysql|-uroot|-ps3cr3t|db":                                     "mysql -uroot -p*** db",
		"/usr/bin/mysqldump|-ps3cr3t|db":                               "/usr/bin/mysqldump -p*** db",
		"mysql|-p|db":                                                  "mysql -p db",
		"sshpass|-p|s3cr3t|ssh|host":                                   "sshpass -p *** ssh host",
		"sshpass|-ps3cr3t|ssh|host":                                    "sshpass -p*** ssh host",
		"redis-cli|-a|s3cr3t|ping":                                     "redis-cli -a *** ping",
		"curl|-u|bob:s3cr3t|https://x":                                 "curl -u bob:*** https://x",
		"curl|-H|Authorization: Bearer s3cr3t|https://x":               "curl -H Authorization: *** https://x",
		"curl|-H|X-Api-Key: s3cr3t|https://x":                          "curl -H X-Api-Key: *** https://x",
		`curl|-d|{"user":"bob","password":"s3cr3t"}|https://x`:         `curl -d {"user":"bob","password":"***"} https://x`,
		"ldapsearch|-D|cn=x|-w|s3cr3t":                                 "ldapsearch -D cn=x -w ***",
		"openssl|enc|-pass|pass:s3cr3t":                                "openssl enc -pass ***",
		"smbclient|-U|bob%s3cr3t|//srv/x":                              "smbclient -U bob%*** //srv/x",
		"sh|-c|PGPASSWORD=s3cr3t psql -h db":                           "sh -c PGPASSWORD=*** psql -h db",
		"sh|-c|mysql -ps3cr3t db":                                      "sh -c mysql -p*** db",
		"sh|-c|cd /x && app --password s3cr3t --y":                     "sh -c cd /x && app --password *** --y",
		"app|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3t":       "app ***",
		"app|ghp_s3cr3ts3cr3ts3cr3t00":                                 "app ***",
		// What tells where a secret is, and what is none, stays.
		"app|--password-file=/etc/x":               "app --password-file=/etc/x",
		"app|--token-file|/etc/x":                  "app --token-file /etc/x",
		"app|--key=/etc/ssl/k.pem":                 "app --key=/etc/ssl/k.pem",
		"nginx: master process /usr/sbin/nginx":    "nginx: master process /usr/sbin/nginx",
		"app|--author=bob|--passive|--tokenizer=x": "app --author=bob --passive --tokenizer=x",
		"ssh|-p|22|host":                           "ssh -p 22 host",
		"app|--path=/a:b|-p8080":                   "app --path=/a:b -p8080",
	} {
		got := strings.Join(redact(strings.Split(in, "|")), " ")
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("app --password s3cr3t -e X=1")
	f.Add("sh -c a;b|c&")
	f.Fuzz(func(_ *testing.T, s string) { redact(strings.Split(s, "|")) })
}
