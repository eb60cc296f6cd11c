// SPDX-License-Identifier: GPL-2.0-only
/*
 * Destination NAT at a TC hook: packets to an address and port of the map `services` go to another one, UDP
 * and TCP over IPv4, with the checksums of IP, UDP and TCP brought up to date. Everything else passes
 * unchanged.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
#define MAX_SERVICES 64
#define IP_FRAGMENT 0x3fff /* any: what is not there cannot be rewritten */

struct service {
	__be32 address;
	__be16 port;
	__u16 protocol;
};

struct target {
	__be32 address;
	__be16 port;
	__u16 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_SERVICES);
	__type(key, struct service);
	__type(value, struct target);
} services SEC(".maps");

enum counter {
	COUNTER_REWRITTEN,
	COUNTER_OTHERS,
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline int done(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
	return TC_ACT_OK;
}

/* -1 where the packet could not be changed. */
static __always_inline int rewrite(struct __sk_buff *skb, __u32 l4, const struct service *from,
				   const struct target *to)
{
	int udp = from->protocol == IPPROTO_UDP;
	__u32 checksum = l4 + (udp ? offsetof(struct udphdr, check) : offsetof(struct tcphdr, check));
	/* A UDP checksum of 0 means that there is none, and one that becomes 0 is written as 0xffff. */
	__u64 mangled = udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (bpf_l4_csum_replace(skb, checksum, from->address, to->address,
				mangled | BPF_F_PSEUDO_HDR | sizeof(to->address)) ||
	    bpf_l4_csum_replace(skb, checksum, from->port, to->port, mangled | sizeof(to->port)) ||
	    bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), from->address, to->address,
				sizeof(to->address)) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, daddr), &to->address,
				sizeof(to->address), 0) ||
	    /* `dest` stands at the same place in both. */
	    bpf_skb_store_bytes(skb, l4 + offsetof(struct udphdr, dest), &to->port, sizeof(to->port), 0))
		return -1;
	return 0;
}

SEC("tc")
int tc_rewrite(struct __sk_buff *skb)
{
	struct service from = {};
	struct target *to;
	__be16 ports[2];
	struct iphdr ip;
	__u32 l4;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.ihl < 5 || ip.frag_off & bpf_htons(IP_FRAGMENT) ||
	    (ip.protocol != IPPROTO_UDP && ip.protocol != IPPROTO_TCP))
		return done(COUNTER_OTHERS);
	l4 = ETH_HLEN + ip.ihl * 4;
	if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return done(COUNTER_OTHERS);
	from.address = ip.daddr;
	from.port = ports[1];
	from.protocol = ip.protocol;
	to = bpf_map_lookup_elem(&services, &from);
	if (!to)
		return done(COUNTER_OTHERS);
	/* Half rewritten it would be nobody's. */
	if (rewrite(skb, l4, &from, to))
		return TC_ACT_SHOT;
	return done(COUNTER_REWRITTEN);
}

char LICENSE[] SEC("license") = "GPL";
