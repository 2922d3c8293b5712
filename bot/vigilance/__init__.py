"""What the bot itself watches over: its record, the epoch, and what people must look after."""
