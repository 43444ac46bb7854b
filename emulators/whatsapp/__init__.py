"""Meta's WhatsApp Cloud API as far as the school uses it, and the guardians' phones.

Shapes and codes follow https://developers.facebook.com/documentation/business-messaging/whatsapp
as of mid 2026. Nothing here talks to Meta.
"""
