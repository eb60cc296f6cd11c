// SPDX-License-Identifier: GPL-2.0-only
// Programs of a cgroup whose effect can be seen from outside, one a hook.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// IP packets above a length do not reach the cgroup's sockets.
volatile const __u32 longest = 0;

SEC("cgroup_skb/ingress")
int short_only(struct __sk_buff *skb)
{
	return skb->len <= longest;
}

// connect() to one address and port goes to another; as in bpf_sock_addr, addresses and ports in network
// order.
volatile const __u32 service_address = 0, backend_address = 0;
volatile const __u16 service_port = 0, backend_port = 0;

SEC("cgroup/connect4")
int to_backend(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 == service_address && ctx->user_port == service_port) {
		ctx->user_ip4 = backend_address;
		ctx->user_port = backend_port;
	}
	return 1;
}

// bind() to a port below 1024 is refused.
SEC("cgroup/bind4")
int high_ports_only(struct bpf_sock_addr *ctx)
{
	return bpf_ntohs(ctx->user_port) >= 1024;
}

// Connections that were established: of our own making, and accepted ones.
enum { ACTIVE, PASSIVE, SIDES };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SIDES);
	__type(key, __u32);
	__type(value, __u64);
} established SEC(".maps");

SEC("sockops")
int count_established(struct bpf_sock_ops *ctx)
{
	__u32 side;
	__u64 *counter;

	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		side = ACTIVE;
	else if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		side = PASSIVE;
	else
		return 1;
	counter = bpf_map_lookup_elem(&established, &side);
	if (counter)
		++*counter;
	return 1;
}

char _license[] SEC("license") = "GPL";
