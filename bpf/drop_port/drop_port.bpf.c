// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops UDP to one destination port, over IPv4 and IPv6, behind up to two VLAN tags; passes everything else.
 * What it cannot read (fragments behind the first, IPv6 extension headers, cut headers) passes too.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_VLAN_TAGS 2
#define IP_FRAGMENT_OFFSET 0x1fff

const volatile __u16 port = 53;

enum counter {
	COUNTER_DROPPED,
	COUNTER_PASSED,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct vlan_tag {
	__be16 tci;
	__be16 next_protocol;
};

/* The start of the network header and its protocol; NULL where the packet ends before. */
static __always_inline void *skip_ethernet(void *at, void *end, __be16 *protocol)
{
	struct ethhdr *ethernet = at;

	if ((void *)(ethernet + 1) > end)
		return NULL;
	*protocol = ethernet->h_proto;
	at = ethernet + 1;
#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag *tag = at;

		if (*protocol != bpf_htons(ETH_P_8021Q) && *protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return NULL;
		*protocol = tag->next_protocol;
		at = tag + 1;
	}
	return at;
}

/* The UDP header of a packet, NULL where it has none. */
static __always_inline struct udphdr *udp_of(void *at, void *end)
{
	__be16 protocol = 0;
	struct udphdr *udp = NULL;

	at = skip_ethernet(at, end, &protocol);
	if (!at)
		return NULL;
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if ((void *)(ip + 1) > end || ip->ihl < 5 || ip->protocol != IPPROTO_UDP ||
		    ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
			return NULL;
		udp = at + ip->ihl * 4;
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_UDP)
			return NULL;
		udp = (void *)(ip + 1);
	}
	if (!udp || (void *)(udp + 1) > end)
		return NULL;
	return udp;
}

SEC("xdp")
int xdp_drop_port(struct xdp_md *ctx)
{
	struct udphdr *udp = udp_of((void *)(long)ctx->data, (void *)(long)ctx->data_end);
	int drop = udp && udp->dest == bpf_htons(port);
	__u32 counter = drop ? COUNTER_DROPPED : COUNTER_PASSED;
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
	return drop ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
