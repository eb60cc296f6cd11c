// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops every packet and hashes all bytes of all packets in the order in which they come (FNV-1a).
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define MOST 1600
#define PRIME 0x100000001b3ULL

__u64 packets;
__u64 hash;

SEC("xdp")
int order_sink(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 sum = (hash ^ (__u64)(end - data)) * PRIME;

	for (int i = 0; i < MOST; i++) {
		if (data + i + 1 > end)
			break;
		sum = (sum ^ data[i]) * PRIME;
	}
	hash = sum;
	packets++;
	return XDP_DROP;
}
