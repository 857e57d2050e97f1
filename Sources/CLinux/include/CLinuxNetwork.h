// What processes of a control group reach of the host's network.
#ifndef AGENT_BROKER_CLINUX_NETWORK_H
#define AGENT_BROKER_CLINUX_NETWORK_H

// bpf(2): from now on those in a group of version 2, open as a directory, and in groups beneath it, send nothing over the
// loopback interface and nothing to link-local addresses, where clouds tell a machine its secrets; but for port 53, where
// names are looked up. To connect there is EPERM. Ends with the group. 0 or -errno.
int linux_confine_network(int group);

#endif
