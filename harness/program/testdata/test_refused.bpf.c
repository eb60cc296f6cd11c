// SPDX-License-Identifier: GPL-2.0-only
// A program for each of the usual mistakes that the verifier refuses.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64[4]);
} values SEC(".maps");

SEC("xdp")
int past_the_end(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	return eth->h_proto ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int unchecked_lookup(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	return *value ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int stale_pointer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 14 > end || bpf_xdp_adjust_head(ctx, 4))
		return XDP_PASS;
	return *(__u8 *)data;
}

SEC("xdp")
int unbounded_index(struct xdp_md *ctx)
{
	__u32 key = 0, index = ctx->rx_queue_index;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	return value && value[index] ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int helper_of_tc(struct xdp_md *ctx)
{
	return bpf_skb_change_tail((void *)ctx, 100, 0) ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int endless(struct __sk_buff *ctx)
{
	volatile __u32 never = 0;

	while (never == 0)
		never = 0;
	return TC_ACT_OK;
}

SEC("xdp")
int field_beyond(struct xdp_md *ctx)
{
	return *(volatile __u32 *)((void *)ctx + 64);
}

char _license[] SEC("license") = "GPL";
