"""The demo's consumers, one a file; `console.demo.routing` says where each is found."""
