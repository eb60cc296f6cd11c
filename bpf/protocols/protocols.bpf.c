// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts packets by what they carry and lets all of them pass: by upper-layer protocol, and by their shape.
 *
 * It looks behind up to two VLAN tags and, in IPv6, behind extension headers. A later fragment counts for the
 * protocol that its header names. Lengths in headers are not believed: a header that the packet does not hold
 * whole is counted as cut, and nothing behind it is read.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_VLAN_TAGS 2
#define MAX_EXTENSIONS 6
#define PROTOCOLS 256
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_FRAGMENT_OFFSET 0xfff8

enum shape {
	SHAPE_IPV4, /* with a whole header */
	SHAPE_IPV6,
	SHAPE_OTHER, /* neither: ARP, MPLS, a third VLAN tag, ... */
	SHAPE_CUT,   /* ends inside a header that is read here, or the header says nonsense */
	SHAPE_ONE_TAG,
	SHAPE_TWO_TAGS,
	SHAPE_FIRST_FRAGMENT,
	SHAPE_LATER_FRAGMENT,
	SHAPE_EXTENSIONS, /* IPv6 with extension headers */
	SHAPES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROTOCOLS);
	__type(key, __u32);
	__type(value, __u64);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHAPES);
	__type(key, __u32);
	__type(value, __u64);
} shapes SEC(".maps");

struct vlan_tag {
	__be16 tci;
	__be16 next_protocol;
};

struct extension_header { /* hop-by-hop, routing, destination options, authentication */
	__u8 next_header;
	__u8 length;
};

struct fragment_header {
	__u8 next_header;
	__u8 reserved;
	__be16 offset;
	__be32 identification;
};

static __always_inline void count(void *map, __u32 key)
{
	__u64 *value = bpf_map_lookup_elem(map, &key);

	if (value)
		(*value)++;
}

static __always_inline void count_ipv4(struct iphdr *ip, void *end)
{
	if ((void *)(ip + 1) > end || ip->ihl < 5 || (void *)ip + ip->ihl * 4 > end) {
		count(&shapes, SHAPE_CUT);
		return;
	}
	count(&shapes, SHAPE_IPV4);
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		count(&shapes, SHAPE_LATER_FRAGMENT);
	else if (ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS))
		count(&shapes, SHAPE_FIRST_FRAGMENT);
	count(&protocols, ip->protocol);
}

/* How long an extension header is that says `length`; 0 where `type` is none that is stepped over. */
static __always_inline __u32 extension_size(__u8 type, __u8 length)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (length + 1) * 8;
	case IPPROTO_AH:
		return (length + 2) * 4;
	default:
		return 0;
	}
}

static __always_inline void count_ipv6(struct ipv6hdr *ip, void *end)
{
	void *at = ip + 1;
	__u8 type;

	if (at > end) {
		count(&shapes, SHAPE_CUT);
		return;
	}
	count(&shapes, SHAPE_IPV6);
	type = ip->nexthdr;
	if (type == IPPROTO_FRAGMENT || extension_size(type, 0))
		count(&shapes, SHAPE_EXTENSIONS);
#pragma unroll
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		struct extension_header *extension = at;
		struct fragment_header *fragment = at;

		if (type == IPPROTO_FRAGMENT) {
			if ((void *)(fragment + 1) > end) {
				count(&shapes, SHAPE_CUT);
				return;
			}
			type = fragment->next_header;
			at = fragment + 1;
			if (fragment->offset & bpf_htons(IPV6_FRAGMENT_OFFSET)) {
				count(&shapes, SHAPE_LATER_FRAGMENT);
				break; /* what follows is the middle of something */
			}
			count(&shapes, SHAPE_FIRST_FRAGMENT);
			continue;
		}
		if (!extension_size(type, 0))
			break;
		if ((void *)(extension + 1) > end || at + extension_size(type, extension->length) > end) {
			count(&shapes, SHAPE_CUT);
			return;
		}
		at += extension_size(type, extension->length);
		type = extension->next_header;
	}
	count(&protocols, type);
}

SEC("xdp")
int xdp_protocols(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	void *at = ethernet + 1;
	__be16 protocol;
	int tags = 0;

	if (at > end) {
		count(&shapes, SHAPE_CUT);
		return XDP_PASS;
	}
	protocol = ethernet->h_proto;
#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_tag *tag = at;

		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end) {
			count(&shapes, SHAPE_CUT);
			return XDP_PASS;
		}
		protocol = tag->next_protocol;
		at = tag + 1;
		tags++;
	}
	if (tags)
		count(&shapes, tags == 1 ? SHAPE_ONE_TAG : SHAPE_TWO_TAGS);
	if (protocol == bpf_htons(ETH_P_IP))
		count_ipv4(at, end);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		count_ipv6(at, end);
	else
		count(&shapes, SHAPE_OTHER);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
