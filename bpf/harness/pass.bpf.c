// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passes everything. Attached to the peer of an endpoint whose program sends packets back or is redirected
 * to: a veth drops frames silently unless the other side has a NAPI instance with XDP.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int knetlab_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}
