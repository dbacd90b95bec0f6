package hwmon

// conversion is how an element's number becomes a series: its family and what to do to the value.
type conversion struct {
	family   string
	counter  bool
	multiply float64 // when not 0
	divide   float64 // when not 0
}

func (c *conversion) convert(v float64) float64 {
	switch {
	case c.multiply != 0:
		return v * c.multiply
	case c.divide != 0:
		return v / c.divide
	}
	return v
}

// convertor returns the conversion of an element of a sensor of the given type, or false when it is not to be reported.
// both says that the sensor has an element without a name beside its input.
func convertor(kind, name string, both bool) (conversion, bool) {
	switch kind {
	case "beep_enable":
		return conversion{family: "node_hwmon_beep_enabled"}, name == ""
	case "vrm":
		return conversion{family: "node_hwmon_voltage_regulator_version"}, name == ""
	case "update_interval":
		return conversion{family: "node_hwmon_update_interval_seconds", multiply: 0.001}, name == ""
	}
	if name == "label" {
		return conversion{}, false
	}
	family := "node_hwmon_" + kind
	switch {
	case name == "input" && both:
		family += "_input"
	case name != "input" && name != "":
		family += "_" + clean(name)
	}
	switch name {
	case "fault", "alarm":
		return conversion{family: family}, true
	case "beep":
		return conversion{family: family + "_enabled"}, true
	}
	return unit(family, kind, name), true
}

// unit gives the family the suffix of its unit. The kernel counts in thousandths of volts, amperes and degrees, and in
// millionths of joules, watts and ratios.
func unit(family, kind, name string) conversion {
	switch kind {
	case "in", "cpu":
		return conversion{family: family + "_volts", multiply: 0.001}
	case "temp":
		if name != "type" {
			return conversion{family: family + "_celsius", multiply: 0.001}
		}
	case "curr":
		return conversion{family: family + "_amps", multiply: 0.001}
	case "energy":
		return conversion{family: family + "_joule_total", counter: true, divide: 1e6}
	case "power":
		switch name {
		case "accuracy":
			return conversion{family: family, divide: 1e6}
		case "average_interval", "average_interval_min", "average_interval_max":
			return conversion{family: family + "_seconds", multiply: 0.001}
		}
		return conversion{family: family + "_watt", divide: 1e6}
	case "humidity":
		return conversion{family: family, divide: 1e6}
	case "fan":
		switch name {
		case "input", "min", "max", "target":
			return conversion{family: family + "_rpm"}
		}
	}
	return conversion{family: family}
}
