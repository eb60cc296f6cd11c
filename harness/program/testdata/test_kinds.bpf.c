// SPDX-License-Identifier: GPL-2.0-only
// Programs of several kinds in one object, most in sections whose names libbpf does not know.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop_odd(struct xdp_md *ctx)
{
	return (ctx->data_end - ctx->data) & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp_packet_hook")
int hook(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("prog")
int by_context(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp/devmap")
int for_devmap(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int with_frags(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("tc/lan_egress_l2")
int lan(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("classifier")
int shoot(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("action")
int act(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

SEC("socket1")
int keep_64(struct __sk_buff *skb)
{
	return skb->len >= 64 ? 64 : 0;
}

/* No word and no context type to go by: only the offset of `data` in the context tells. */
SEC("one")
int by_use(void *ctx)
{
	struct __sk_buff *skb = ctx;
	void *data = (void *)(long)skb->data;

	return data + 14 > (void *)(long)skb->data_end ? TC_ACT_SHOT : TC_ACT_OK;
}

/* No evidence but the verifier, which knows this helper for socket buffers only. */
SEC("two")
int by_verifier(void *ctx)
{
	struct __sk_buff *skb = ctx;

	bpf_set_hash_invalid(skb);
	return TC_ACT_OK;
}

SEC("?xdp")
int on_request(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
