// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends every packet back to where it came from: Ethernet addresses are swapped, and behind them those of
 * IPv4 and IPv6 and the ports of UDP. Swapping leaves every checksum as it was.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP_FRAGMENT_OFFSET 0x1fff

enum counter {
	COUNTER_REFLECTED,
	COUNTER_TOO_SHORT, /* no Ethernet header: dropped */
	COUNTERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		(*value)++;
}

static __always_inline void swap_ports(struct udphdr *udp, void *end)
{
	__be16 port;

	if ((void *)(udp + 1) > end)
		return;
	port = udp->source;
	udp->source = udp->dest;
	udp->dest = port;
}

static __always_inline void swap_ipv4(struct iphdr *ip, void *end)
{
	__be32 address;

	if ((void *)(ip + 1) > end || ip->ihl < 5)
		return;
	address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	/* A later fragment has no ports. */
	if (ip->protocol == IPPROTO_UDP && !(ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET)))
		swap_ports((void *)ip + ip->ihl * 4, end);
}

static __always_inline void swap_ipv6(struct ipv6hdr *ip, void *end)
{
	struct in6_addr address;

	if ((void *)(ip + 1) > end)
		return;
	address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	if (ip->nexthdr == IPPROTO_UDP)
		swap_ports((void *)(ip + 1), end);
}

SEC("xdp")
int xdp_reflect(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	__u8 address[ETH_ALEN];

	if ((void *)(ethernet + 1) > end) {
		count(COUNTER_TOO_SHORT);
		return XDP_DROP;
	}
	__builtin_memcpy(address, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, address, ETH_ALEN);
	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		swap_ipv4((void *)(ethernet + 1), end);
	else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		swap_ipv6((void *)(ethernet + 1), end);
	count(COUNTER_REFLECTED);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
