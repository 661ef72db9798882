"""CybOX 2.1's types of objects: what Stucco calls each, and where in its properties its name is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vedette.extraction.listed import HASHES as HASH_OF_LENGTH
from vedette.extraction.xml_tree import XmlElement

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SUFFIX = "ObjectType"

_CALLED: Final[Mapping[str, str]] = {"NetRoute": "Network Route"}
"""Types whose name is not made of the words of the type."""

_FILE = ("File_Name", "File_Path", "Full_Path", "Hashes/Hash/Simple_Hash_Value", "Hashes/Hash/Fuzzy_Hash_Value")
_MEMORY = ("Name",)
_VOLUME = ("Name", "Device_Path", "Drive_Letter")
_PROCESS = ("Name", "Image_Info/File_Name", "Image_Info/Path", "PID")
_ACCOUNT = ("Username", "Full_Name", "Domain")

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "API": ("Function_Name", "Normalized_Function_Name"),
    "ARPCache": ("ARP_Cache_Entry/IP_Address/Address_Value", "ARP_Cache_Entry/Physical_Address"),
    "AS": ("Number", "Handle", "Name"),
    "Account": ("Username", "Domain", "Description"),
    "Address": ("Address_Value",),
    "ArchiveFile": _FILE,
    "Artifact": ("Raw_Artifact", "Raw_Artifact_Reference"),
    "Code": ("Code_Segment", "Code_Segment_XOR", "Description"),
    "Custom": ("Name", "Value"),
    "DNSCache": ("DNS_Cache_Entry/DNS_Entry/Domain_Name/Value",),
    "DNSQuery": ("Question/QName/Value", "Transaction_ID"),
    "Device": ("Model", "Serial_Number", "Manufacturer", "Device_Type"),
    "Disk": ("Disk_Name", "Volume_Name"),
    "DiskPartition": ("Partition_ID", "Device_Name"),
    "DomainName": ("Value",),
    "EmailMessage": ("Raw_Body", "Header/Message_ID", "Header/Subject"),
    "File": _FILE,
    "GUI": (),
    "GUIDialogbox": ("Box_Caption", "Box_Text"),
    "GUIWindow": ("Window_Display_Name",),
    "HTTPSession": (
        "HTTP_Request_Response/HTTP_Client_Request/HTTP_Request_Line/Value",
        "HTTP_Request_Response/HTTP_Client_Request/HTTP_Request_Header/Raw_Header",
    ),
    "Hostname": ("Hostname_Value",),
    "ImageFile": _FILE,
    "Library": ("Name", "Path"),
    "Link": ("Value",),
    "LinuxPackage": ("Name",),
    "Memory": _MEMORY,
    "Mutex": ("Name",),
    "NetRoute": (),
    "NetworkConnection": (),
    "NetworkFlow": (),
    "NetworkPacket": (),
    "NetworkRouteEntry": (),
    "NetworkSocket": (),
    "NetworkSubnet": ("Name",),
    "PDFFile": _FILE,
    "Pipe": ("Name",),
    "Port": ("Port_Value",),
    "Process": _PROCESS,
    "Product": (),
    "SMSMessage": ("Body", "Sender_Phone_Number"),
    "Semaphore": ("Name",),
    "SocketAddress": (),
    "System": (),
    "URI": ("Value",),
    "URLHistory": ("URL_History_Entry/URL/Value",),
    "UnixFile": _FILE,
    "UnixNetworkRouteEntry": (),
    "UnixPipe": ("Name",),
    "UnixProcess": _PROCESS,
    "UnixUserAccount": _ACCOUNT,
    "UnixVolume": _VOLUME,
    "UserAccount": _ACCOUNT,
    "UserSession": ("Effective_Group", "Effective_User", "Effective_User_ID", "Effective_Group_ID"),
    "Volume": _VOLUME,
    "Whois": ("Registrants/Registrant/Organization", "Registrants/Registrant/Name"),
    "WindowsComputerAccount": ("Fully_Qualified_Name/Full_Name", "Fully_Qualified_Name/NetBEUI_Name"),
    "WindowsCriticalSection": (),
    "WindowsDriver": ("Driver_Name", "Driver_Object_Address"),
    "WindowsEvent": ("Name",),
    "WindowsEventLog": ("EID", "Log"),
    "WindowsExecutableFile": _FILE,
    "WindowsFile": _FILE,
    "WindowsFilemapping": ("Name",),
    "WindowsHandle": ("Name", "ID"),
    "WindowsHook": ("Hooking_Function_Name", "Hooking_Module/Name"),
    "WindowsKernel": (),
    "WindowsKernelHook": ("Hooking_Module", "Hooked_Function", "Hooked_Module"),
    "WindowsMailslot": ("Name",),
    "WindowsMemoryPageRegion": _MEMORY,
    "WindowsMutex": ("Name",),
    "WindowsNetworkRouteEntry": (),
    "WindowsNetworkShare": ("Netname", "Local_Path"),
    "WindowsPipe": ("Name",),
    "WindowsPrefetch": ("Application_File_Name",),
    "WindowsProcess": _PROCESS,
    "WindowsRegistryKey": ("Key",),
    "WindowsSemaphore": ("Name",),
    "WindowsService": ("Service_Name", "Display_Name"),
    "WindowsSystem": ("Product_Name", "Product_ID"),
    "WindowsSystemRestore": (),
    "WindowsTask": ("Name", "Application_Name"),
    "WindowsThread": ("Thread_ID",),
    "WindowsUserAccount": _ACCOUNT,
    "WindowsVolume": _VOLUME,
    "WindowsWaitableTimer": ("Name",),
    "X509Certificate": ("Certificate/Serial_Number", "Certificate/Subject"),
}
"""Where the name of an object of a type is; the first that is there. Without one, rules or its id name it."""

PROPERTIES: Final[Mapping[str, Mapping[str, str]]] = {
    "AS": {"asName": "Name", "registry": "Regional_Internet_Registry"},
    "DNSRecord": {"queriedAt": "Queried_Date", "entryType": "Entry_Type", "ttl": "TTL", "flags": "Flags"},
    "EmailMessage": {"subject": "Header/Subject", "messageId": "Header/Message_ID", "sentAt": "Header/Date"},
    "HTTPSession": {
        "method": "HTTP_Request_Response/HTTP_Client_Request/HTTP_Request_Line/HTTP_Method",
        "userAgent": "HTTP_Request_Response/HTTP_Client_Request/HTTP_Request_Header/Parsed_Header/User_Agent",
    },
    "Process": {"pid": "PID"},
    "Product": {
        "vendor": "Vendor",
        "product": "Product",
        "version": "Version",
        "update": "Update",
        "edition": "Edition",
        "language": "Language",
    },
    "UserAccount": {"domain": "Domain", "fullName": "Full_Name"},
    "Whois": {"country": "Registrants/Registrant/Address", "registrantId": "Registrants/Registrant/Registrant_ID"},
    "WindowsRegistryKey": {"hive": "Hive"},
}
"""What else of a type is kept by itself; everything is in the source document."""

INLINE: Final[Mapping[str, str]] = {
    "Destination_Address": "Address",
    "Dest_Socket_Address": "SocketAddress",
    "Destination_Socket_Address": "SocketAddress",
    "DNS_Query": "DNSQuery",
    "DNS_Record": "DNSRecord",
    "Domain_Name": "DomainName",
    "From": "Address",
    "Gateway_Address": "Address",
    "HTTP_Session": "HTTPSession",
    "Hostname": "Hostname",
    "IP_Address": "Address",
    "Local_Address": "SocketAddress",
    "Network_Route_Entry": "NetworkRouteEntry",
    "Origin": "Address",
    "Port": "Port",
    "QName": "DomainName",
    "Recipient": "Address",
    "Referer": "URI",
    "Remote_Address": "SocketAddress",
    "Reply_To": "Address",
    "Resource_Record": "DNSRecord",
    "Sender": "Address",
    "Server_Name": "DomainName",
    "Source_Socket_Address": "SocketAddress",
    "Src_Socket_Address": "SocketAddress",
    "URL": "URI",
    "X_Originating_IP": "Address",
}
"""Elements in an object's properties that are objects of their own, and their types."""

HASHES: Final[Mapping[str, str]] = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
    "SSDEEP": "ssdeep",
}
"""Properties of a file by the name of the hash, without dashes."""


def object_type(properties: XmlElement) -> str:
    """Return the type of an object's properties, such as `WindowsFile`; empty where they do not say."""
    type = properties.type
    return type.removesuffix(_SUFFIX) if type.endswith(_SUFFIX) else type


def observable_type(type: str) -> str:
    """Return Stucco's `observableType` of a type, such as `Windows File`; of foreign ones, too."""
    return _CALLED.get(type) or " ".join(_WORDS.split(type))


def first_name(type: str, properties: XmlElement) -> str:
    """Return the name of an object by its type's table; empty where it has none."""
    return next((text for path in NAMES.get(type, ("Name", "Value")) if (text := properties.find(path))), "")


def kept_properties(type: str, properties: XmlElement) -> dict[str, str]:
    """Return what else of an object is kept: the table's properties, and a file's hashes."""
    found = {name: text for name, path in PROPERTIES.get(type, {}).items() if (text := properties.find(path))}
    for one in properties.all("Hashes/Hash"):
        value = one.find("Simple_Hash_Value") or one.find("Fuzzy_Hash_Value")
        kind = HASHES.get(one.find("Type").upper().replace("-", "")) or HASH_OF_LENGTH.get(len(value))
        if kind and value:
            found[kind] = value
    return found
