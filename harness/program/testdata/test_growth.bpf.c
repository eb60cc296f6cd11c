// SPDX-License-Identifier: GPL-2.0-only
// Programs for test runs: one that grows the packet, and one slow enough to be timed.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int grow(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, -32) ? XDP_ABORTED : XDP_TX;
}

SEC("xdp")
int slow(struct xdp_md *ctx)
{
	__u64 hash = ctx->data_end - ctx->data;

	for (int i = 0; i < 256; i++)
		hash = hash * 6364136223846793005ULL + (hash >> 33) + i;
	return hash == 42 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
