// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends each frame as it is: the least that a generator of live frames can do. Notes when the first and the
 * last of `total` went.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

__u64 total;
__u64 sent;
__u64 first_ns;
__u64 last_ns;

SEC("xdp")
int constant_frame(struct xdp_md *ctx)
{
	if (!sent)
		first_ns = bpf_ktime_get_ns();
	if (++sent == total)
		last_ns = bpf_ktime_get_ns();
	return XDP_TX;
}
