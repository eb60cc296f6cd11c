// SPDX-License-Identifier: GPL-2.0-only
// An echo server whose data never leaves the kernel: connections that a listening socket accepts go into a
// map of sockets, and what arrives at one is sent back by it.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Who the other end is; as in bpf_sock_ops: addresses in network order, the ports each in its own way.
struct connection {
	__u32 remote_address;
	__u32 remote_port; // network order, in the upper half on little-endian machines
	__u32 local_port;  // host order
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 1024);
	__type(key, struct connection);
	__type(value, __u64);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} echoed_bytes SEC(".maps");

// Messages above a length are not sent.
volatile const __u32 longest_message = 0xffffffff;

static __always_inline int remember(struct bpf_sock_ops *ctx, __u32 when)
{
	struct connection key = {
	    .remote_address = ctx->remote_ip4,
	    .remote_port = ctx->remote_port,
	    .local_port = ctx->local_port,
	};

	if (ctx->op == when)
		bpf_sock_hash_update(ctx, &connections, &key, BPF_ANY);
	return 1;
}

SEC("sockops")
int remember_accepted(struct bpf_sock_ops *ctx)
{
	return remember(ctx, BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB);
}

SEC("sockops")
int remember_connected(struct bpf_sock_ops *ctx)
{
	return remember(ctx, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB);
}

// Only for sockets that were accepted: what comes before stays where it is.
SEC("sk_skb/stream_verdict")
int echo(struct __sk_buff *skb)
{
	struct connection key = {
	    .remote_address = skb->remote_ip4,
	    .remote_port = skb->remote_port,
	    .local_port = skb->local_port,
	};
	__u32 zero = 0;
	__u64 *bytes = bpf_map_lookup_elem(&echoed_bytes, &zero);

	if (bytes)
		*bytes += skb->len;
	return bpf_sk_redirect_hash(skb, &connections, &key, 0);
}

SEC("sk_msg")
int short_messages_only(struct sk_msg_md *msg)
{
	return msg->size <= longest_message ? SK_PASS : SK_DROP;
}

char _license[] SEC("license") = "GPL";
