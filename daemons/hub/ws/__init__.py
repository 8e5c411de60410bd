"""WebSockets: `emp.v1`, the hub's own messages (docs/websocket-api.md)."""
