// SPDX-License-Identifier: GPL-2.0-only
/* Programs whose verdicts the accounts' tests know beforehand. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 target = 0; /* ifindex */

SEC("xdp")
int drop_odd(struct xdp_md *ctx)
{
	return (ctx->data_end - ctx->data) & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int redirect_all(struct xdp_md *ctx)
{
	return bpf_redirect(target, 0);
}

SEC("xdp")
int send_back(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("xdp")
int unknown_verdict(struct xdp_md *ctx)
{
	return 17;
}

/* With frags, generic XDP copies what lacks headroom; without, it makes room where it is. */
SEC("xdp.frags")
int pass_all(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* To `target`, as `flags` has it: BPF_F_INGRESS, to be received there. */
const volatile __u32 flags = 0;

SEC("tc")
int tc_redirect_odd(struct __sk_buff *skb)
{
	return skb->len & 1 ? bpf_redirect(target, flags) : TC_ACT_OK;
}

SEC("tc")
int tc_redirect_odd_drop_even(struct __sk_buff *skb)
{
	return skb->len & 1 ? bpf_redirect(target, flags) : TC_ACT_SHOT;
}

/* To the other end of the link of `target`, which is in another namespace. */
SEC("tc")
int tc_to_peer_odd(struct __sk_buff *skb)
{
	return skb->len & 1 ? bpf_redirect_peer(target, 0) : TC_ACT_OK;
}

SEC("tc")
int tc_steal(struct __sk_buff *skb)
{
	return TC_ACT_STOLEN;
}
