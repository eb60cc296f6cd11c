// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops everything at once: the shortest way to a verdict, for the floor of the lab's own latency.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp")
int knetlab_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}
