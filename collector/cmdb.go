package collector

import (
	"errors"
	"fmt"
	"os"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
)

// openCMDB opens the CMDB with the classes that are part of the program and those of the administrator's files.
func (c *Collector) openCMDB() (*cmdb.Store, error) {
	files := class.Builtin()
	var problems []error
	for _, name := range c.config.Classes {
		text, err := os.ReadFile(name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		files = append(files, class.File{Name: name, Text: text})
	}
	model, err := class.Load(files...)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("cmdb.classes:\n%w", err)
	}
	return cmdb.New(cmdb.Options{DB: c.db, Model: model, Logger: c.logger, Registerer: c.reg})
}
