// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes the outermost VLAN tag off (xdp_vlan_pop), or puts one on (xdp_vlan_push), whatever is behind it. A
 * packet without a tag to take off passes as it is; one that no room can be made for is dropped.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

const volatile __u16 vlan_id = 42; /* of the tags that are put on */

enum counter {
	COUNTER_CHANGED,
	COUNTER_UNCHANGED,
	COUNTER_DROPPED,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct vlan_ethhdr {
	__u8 addresses[2 * ETH_ALEN];
	__be16 tag_protocol;
	__be16 tci;
	__be16 next_protocol;
};

#define VLAN_HLEN 4

static __always_inline int done(__u32 counter, int verdict)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
	return verdict;
}

SEC("xdp")
int xdp_vlan_pop(struct xdp_md *ctx)
{
	struct vlan_ethhdr *ethernet = (void *)(long)ctx->data;
	struct vlan_ethhdr old;

	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end ||
	    (ethernet->tag_protocol != bpf_htons(ETH_P_8021Q) &&
	     ethernet->tag_protocol != bpf_htons(ETH_P_8021AD)))
		return done(COUNTER_UNCHANGED, XDP_PASS);
	old = *ethernet;
	if (bpf_xdp_adjust_head(ctx, VLAN_HLEN))
		return done(COUNTER_DROPPED, XDP_DROP);
	/* The addresses move up to the type that stood behind the tag. */
	ethernet = (void *)(long)ctx->data;
	if ((void *)ethernet->addresses + ETH_HLEN > (void *)(long)ctx->data_end)
		return done(COUNTER_DROPPED, XDP_DROP);
	__builtin_memcpy(ethernet->addresses, old.addresses, sizeof(old.addresses));
	return done(COUNTER_CHANGED, XDP_PASS);
}

SEC("xdp")
int xdp_vlan_push(struct xdp_md *ctx)
{
	struct vlan_ethhdr *ethernet;

	if (bpf_xdp_adjust_head(ctx, -VLAN_HLEN))
		return done(COUNTER_DROPPED, XDP_DROP);
	ethernet = (void *)(long)ctx->data;
	if ((void *)(ethernet + 1) > (void *)(long)ctx->data_end)
		return done(COUNTER_DROPPED, XDP_DROP);
	__builtin_memmove(ethernet->addresses, (void *)ethernet + VLAN_HLEN, sizeof(ethernet->addresses));
	ethernet->tag_protocol = bpf_htons(ETH_P_8021Q);
	ethernet->tci = bpf_htons(vlan_id);
	return done(COUNTER_CHANGED, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
