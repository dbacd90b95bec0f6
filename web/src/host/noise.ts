// What is on every host and says little: virtual devices, file systems that live in memory or are full by nature.

/** Network devices that carry what others carry already, or nothing, as matchers of PromQL. */
export const realDevices =
  'device!~"lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|lxc.*|tunl.*|ifb.*|dummy.*|sit.*|ip6tnl.*|gre.*|erspan.*|bond.*|team.*"';

/** Network devices of one host: only what never has traffic of its own is left out. */
export const shownDevices =
  'device!~"lo|veth.*|tunl.*|ifb.*|dummy.*|sit.*|ip6tnl.*|gretap.*|gre.*|erspan.*|cali.*|lxc.*"';

/** Disks as the machine has them: no partitions' sums, no layers over other disks. */
export const realDisks = 'device!~"(loop|ram|zram|dm-|md|sr|fd|nbd)[0-9]+"';

export const shownDisks = 'device!~"(loop|ram|zram|sr|fd)[0-9]+"';

/** File systems that fill. */
export const realFileSystems =
  'fstype!~"tmpfs|ramfs|devtmpfs|squashfs|erofs|iso9660|udf|overlay|autofs|rootfs|nsfs|tracefs"';
