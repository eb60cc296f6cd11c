// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides by the length of the packet alone: what each packet of any capture will meet is known beforehand,
 * whatever its bytes. XDP and TC drop packets of odd length and pass even ones; the socket filter keeps even
 * ones whole.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

/* data_end - data would miss the fragments of a large packet. */
SEC("xdp.frags")
int xdp_parity(struct xdp_md *ctx)
{
	return bpf_xdp_get_buff_len(ctx) & 1 ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int tc_parity(struct __sk_buff *skb)
{
	return skb->len & 1 ? TC_ACT_SHOT : TC_ACT_OK;
}

/* On a UDP socket the length counts from the UDP header, on a packet socket from the Ethernet header. */
SEC("socket")
int socket_parity(struct __sk_buff *skb)
{
	return skb->len & 1 ? 0 : skb->len;
}

char LICENSE[] SEC("license") = "GPL";
