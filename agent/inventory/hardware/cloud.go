package hardware

import (
	"strings"

	"github.com/picketmon/picket/agent/inventory"
)

// cloud finds the provider and the id of the instance in what the firmware says; instances have it there so that nobody need be asked.
func (h *Host) cloud(t inventory.Trees) {
	read := func(name string) string { return meaning(inventory.Line(t.InSys("class/dmi/id/" + name))) }
	board, chassisTag, version := read("board_asset_tag"), read("chassis_asset_tag"), strings.ToLower(h.BIOSVersion)
	switch {
	case h.Manufacturer == "Amazon EC2", strings.Contains(version, "amazon"):
		h.Cloud = "aws"
		if strings.HasPrefix(board, "i-") {
			h.Instance = board
		}
		if h.Manufacturer == "Amazon EC2" {
			h.InstanceType = h.Model
		}
	case h.Model == "Google Compute Engine":
		h.Cloud = "gcp"
	case chassisTag == "7783-7084-3265-9085-8269-3286-77":
		h.Cloud, h.Instance = "azure", azureID(h.UUID)
	case strings.HasPrefix(h.Model, "OpenStack"), h.Manufacturer == "OpenStack Foundation":
		h.Cloud, h.Instance = "openstack", h.UUID
	case h.Manufacturer == "DigitalOcean":
		h.Cloud, h.Instance = "digitalocean", h.SystemSerial
	case h.Manufacturer == "Hetzner":
		h.Cloud, h.Instance = "hetzner", h.SystemSerial
	case chassisTag == "OracleCloud.com":
		h.Cloud = "oracle"
	case strings.HasPrefix(h.Model, "Alibaba Cloud"):
		h.Cloud, h.Instance = "alibaba", h.SystemSerial
	case h.Manufacturer == "Scaleway", h.Manufacturer == "Vultr", h.Manufacturer == "Linode", h.Manufacturer == "Akamai", h.Manufacturer == "UpCloud", h.Manufacturer == "Exoscale":
		h.Cloud = strings.ToLower(h.Manufacturer)
		h.Instance = h.SystemSerial
	}
}

// azureID makes Azure's vmId of the firmware's UUID, whose first three parts have another order of bytes.
func azureID(uuid string) string {
	if len(uuid) != 36 {
		return ""
	}
	swap := func(s string) string {
		var b strings.Builder
		for i := len(s) - 2; i >= 0; i -= 2 {
			b.WriteString(s[i : i+2])
		}
		return b.String()
	}
	return swap(uuid[0:8]) + "-" + swap(uuid[9:13]) + "-" + swap(uuid[14:18]) + uuid[18:]
}
