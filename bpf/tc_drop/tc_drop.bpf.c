// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drops the packets of one IP protocol (6 is TCP) over IPv4 and IPv6, behind up to two VLAN tags, at a TC
 * hook; passes everything else. Of IPv6 it looks at the first next-header only.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#define MAX_VLAN_TAGS 2
#define VLAN_HLEN 4

const volatile __u8 protocol = 6;

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

/*
 * -1 where there is none, or the packet ends before. A received VLAN tag may stand beside the packet
 * (skb->vlan_tci), a second one stands in it always: so the bytes decide, not skb->protocol.
 */
static __always_inline int protocol_of(struct __sk_buff *skb)
{
	__u32 at = offsetof(struct ethhdr, h_proto);
	__be16 ethertype = 0;
	__u8 value;

#pragma unroll
	for (int i = 0; i <= MAX_VLAN_TAGS; i++) {
		if (bpf_skb_load_bytes(skb, at, &ethertype, sizeof(ethertype)))
			return -1;
		if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
			break;
		at += VLAN_HLEN;
	}
	at += sizeof(ethertype);
	if (ethertype == bpf_htons(ETH_P_IP))
		at += offsetof(struct iphdr, protocol);
	else if (ethertype == bpf_htons(ETH_P_IPV6))
		at += offsetof(struct ipv6hdr, nexthdr);
	else
		return -1;
	return bpf_skb_load_bytes(skb, at, &value, sizeof(value)) ? -1 : value;
}

SEC("tc")
int tc_drop_protocol(struct __sk_buff *skb)
{
	int drop = protocol_of(skb) == protocol;
	__u32 counter = drop ? COUNTER_DROPPED : COUNTER_PASSED;
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
	return drop ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
